import { parseBundle } from '@img/sign/bundle';
import { statementsBy } from '@img/sign/check-evidence';
import { inTotoPayloadType, parseInToto } from '@img/sign/in-toto';
import type { PublicKey } from '@img/sign/public-key';
import { SignError } from '@img/sign/sign-error';
import type { Statement } from '@img/sign/statement';
import { formatUnixTime } from '@img/sign/unix-time';

/** An entry of a log, as far as it can be read. */
export type ReadEntry = {
  readonly index: number;
  /** What it states; undefined where it can't be read. */
  readonly statement: Statement | undefined;
  /** The key that it names; empty if none. Nothing says that it is by that key. */
  readonly keyHint: string;
  /** Whose signature it is, of those that were asked about. */
  readonly key: PublicKey | undefined;
};

/** Reads an entry. Whoever may push can put anything there, so nothing in it is an error. */
export function readEntry(index: number, entry: Uint8Array, keys: readonly PublicKey[]): ReadEntry {
  try {
    const { envelope, keyHint } = parseBundle(entry);
    const { payloadType, payload, keyId } = envelope;
    const statement = payloadType === inTotoPayloadType ? parseInToto(payload) : undefined;
    const hint = keyId || keyHint;
    const named = keys.filter(({ fingerprint, spkiHash }) => hint === fingerprint || hint === spkiHash);
    const [key] = named.filter((each) => {
      return statementsBy([each], { simpleSignatures: [], bundles: [entry] }).length > 0;
    });
    return { index, statement, keyHint: hint, key };
  } catch (error) {
    if (!(error instanceof SignError)) throw error;
    return { index, statement: undefined, keyHint: '', key: undefined };
  }
}

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
