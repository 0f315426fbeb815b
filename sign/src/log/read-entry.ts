import { parseBundle } from '../bundle.ts';
import { statementsBy } from '../check-evidence.ts';
import { inTotoPayloadType, parseInToto } from '../in-toto.ts';
import type { PublicKey } from '../public-key.ts';
import { SignError } from '../sign-error.ts';
import type { Statement } from '../statement.ts';

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
