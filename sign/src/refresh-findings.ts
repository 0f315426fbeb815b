import type { Finding } from './decision.ts';
import { formatUnixTime, type UnixTime } from './unix-time.ts';

/**
 * Lets statements hold longer that somebody extends who may: a machine that says every day that a tag still means what
 * people have signed. It can say so only of the same tag, digest and number, so whoever steals its key can keep what is
 * there, and bring nothing new and nothing old.
 */
export function refreshFindings(findings: readonly Finding[]): readonly Finding[] {
  return findings.map((finding) => {
    const { code, identity, statement } = finding;
    // What is asked about was compared for both; a statement that never ends needs no extension.
    if ((code !== 'COUNTED' && code !== 'EXPIRED') || statement?.expires === undefined) return finding;
    const [best] = findings
      .filter((other) => isExtension(other, finding))
      .toSorted((a, b) => endOf(b) - endOf(a));
    const until = best?.statement?.expires;
    if (until === undefined || until <= statement.expires) return finding;
    const message = `${identity?.name} signed it, and ${best?.identity?.name} extends it until ${formatUnixTime(until)}`;
    return { ...finding, code: 'COUNTED', message, refreshedUntil: until };
  });
}

function isExtension({ code, statement }: Finding, { statement: signed }: Finding): boolean {
  return (
    code === 'REFRESHES' &&
    statement?.sequence !== undefined &&
    statement.sequence === signed?.sequence &&
    statement.tag === signed.tag &&
    statement.repository === signed.repository &&
    statement.digest === signed.digest
  );
}

function endOf({ statement }: Finding): UnixTime {
  return statement?.expires ?? (0 as UnixTime);
}
