import type { Decision, Finding } from '@img/sign/decision';

/** One statement by one key, in whichever encodings it was found, or one piece of evidence that is none. */
export type ListedSignature = Pick<Finding, 'code' | 'message' | 'identity' | 'key' | 'statement'> & {
  readonly encodings: readonly Finding['encoding'][];
  /** Whether it is one of those that the rule needs. */
  readonly isCounted: boolean;
};

/** The findings of a decision, each statement once: the encodings of one signature say the same. Those that count come first. */
export function listSignatures({ findings }: Decision): readonly ListedSignature[] {
  const groups = new Map<string, readonly Finding[]>();
  for (const finding of findings) {
    const key = groupOf(finding);
    groups.set(key, [...(groups.get(key) ?? []), finding]);
  }
  const listed = [...groups.values()].flatMap((group): readonly ListedSignature[] => {
    // Of two encodings of one statement only one is counted.
    const best =
      group.find(({ code }) => code === 'COUNTED') ??
      group.find(({ code }) => code === 'MOVES_TAG') ??
      group[0];
    if (best === undefined) return [];
    const { code, message, identity, key, statement } = best;
    const encodings = [...new Set(group.map(({ encoding }) => encoding))];
    return [{ code, message, identity, key, statement, encodings, isCounted: code === 'COUNTED' }];
  });
  return listed.toSorted((a, b) => Number(b.isCounted) - Number(a.isCounted));
}

function groupOf({ key, statement, code, message, encoding, index }: Finding): string {
  if (statement === undefined) return code === 'UNKNOWN_KEY' ? message : `${encoding} ${index}`;
  const { repository, tag, digest, sequence, issued, expires } = statement;
  return JSON.stringify([key, repository, tag, digest, sequence, issued, expires]);
}
