import type { ReadEntry } from '@img/sign/log/read-entry';
import { formatUnixTime } from '@img/sign/unix-time';

/** What an entry states, for people: `com.example.app:1.0 #41 → sha256:…`. */
export function describeEntry({ statement }: ReadEntry): string {
  if (statement === undefined) return 'nothing that can be read';
  const { repository, tag, sequence, digest } = statement;
  const name = tag === undefined ? `${repository}` : `${repository}:${tag}`;
  return `${name}${sequence === undefined ? '' : ` #${sequence}`}  ${digest}`;
}

/** An entry for programs. */
export function entryDocument({ index, statement, keyHint, key }: ReadEntry) {
  const { repository, tag, sequence, digest, issued, expires } = statement ?? {};
  return {
    index,
    repository: repository ?? null,
    tag: tag ?? null,
    digest: digest ?? null,
    sequence: sequence ?? null,
    issued: issued === undefined ? null : formatUnixTime(issued),
    expires: expires === undefined ? null : formatUnixTime(expires),
    key: key?.fingerprint ?? (keyHint === '' ? null : keyHint),
    isVerified: key !== undefined,
  };
}
