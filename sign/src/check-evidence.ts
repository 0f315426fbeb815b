import { limits } from '@img/spec/limits';
import { quote } from '@img/spec/quote';
import { decodeBase64 } from './base64.ts';
import { parseBundle } from './bundle.ts';
import { preAuthEncoding } from './dsse.ts';
import type { Evidence, SimpleSignature } from './evidence.ts';
import { inTotoPayloadType, parseInToto } from './in-toto.ts';
import type { PublicKey } from './public-key.ts';
import { SignError } from './sign-error.ts';
import { parseSimpleSigning } from './simple-signing.ts';
import type { Statement } from './statement.ts';

export type SignatureEncoding = 'simple-signing' | 'bundle';

/** Why a piece of evidence says nothing. */
export type EvidenceProblem =
  /** Not what its encoding demands; nothing in it is believed. */
  | 'MALFORMED'
  /** Made by no key that is known here, or, in simple signing, changed afterwards: it doesn't name its key. */
  | 'UNKNOWN_KEY'
  /** Names a known key, which didn't make it: it was changed afterwards. */
  | 'SIGNATURE_INVALID'
  /** Signed by a known key, but about something else than an image's name, such as an SBOM. */
  | 'OTHER_PREDICATE'
  /** More pieces than are looked at. */
  | 'OVER_LIMIT';

/** One piece of evidence after its signature was checked: a statement by a key, or a problem. */
export type CheckedEvidence = {
  readonly encoding: SignatureEncoding;
  /** Its place in the evidence, from 0. */
  readonly index: number;
} & Outcome;

type Outcome =
  | { readonly key: PublicKey; readonly statement: Statement; readonly problem: undefined }
  | {
      /** Whose signature it is or claims to be, where that is a known key. */
      readonly key: PublicKey | undefined;
      readonly statement: undefined;
      readonly problem: EvidenceProblem;
      /** One sentence for people. */
      readonly message: string;
    };

/** The keys that evidence is checked with. */
export type EvidenceKeys = {
  /** All that may be named by a signature. */
  readonly known: Iterable<PublicKey>;
  /** Those tried for a signature that names none, each at the price of one verification. */
  readonly tried: readonly PublicKey[];
};

/**
 * Checks the signature of every piece of evidence and reads the statements of the good ones. Never throws for
 * what is in the evidence. Costs no cryptography for keys that are not known.
 */
export function checkEvidence(evidence: Evidence, keys: EvidenceKeys): readonly CheckedEvidence[] {
  const named = keysByHint(keys.known);
  return [
    ...checkAll('bundle', evidence.bundles, (bytes) => checkBundle(bytes, named, keys.tried)),
    ...checkAll('simple-signing', evidence.simpleSignatures, (simple) => checkSimple(simple, keys.tried)),
  ];
}

/** The statements in evidence that are signed by one of the keys, for example to find the next sequence. */
export function statementsBy(keys: readonly PublicKey[], evidence: Evidence): readonly Statement[] {
  return checkEvidence(evidence, { known: keys, tried: keys }).flatMap(({ statement }) => statement ?? []);
}

function checkAll<T>(
  encoding: SignatureEncoding,
  pieces: readonly T[],
  check: (piece: T) => Outcome,
): CheckedEvidence[] {
  const checked = pieces.slice(0, limits.signaturesPerImage).map((piece, index): CheckedEvidence => {
    return { encoding, index, ...malformedIfRefused(() => check(piece)) };
  });
  const left = pieces.length - checked.length;
  if (left > 0) {
    const message = `${left} more were not looked at: an image may have ${limits.signaturesPerImage}`;
    checked.push({ encoding, index: checked.length, ...refuse('OVER_LIMIT', message) });
  }
  return checked;
}

function checkSimple({ payload, signature }: SimpleSignature, tried: readonly PublicKey[]): Outcome {
  const signatureBytes = decodeBase64(signature);
  if (signatureBytes === undefined) {
    return refuse('MALFORMED', `signature should be base64, not ${quote(signature)}`);
  }
  if (payload.byteLength > limits.signatureBytes) {
    return refuse('MALFORMED', `payload has more than ${limits.signatureBytes} bytes`);
  }
  const key = tried.find((candidate) => candidate.verify(payload, signatureBytes));
  if (key === undefined)
    return refuse('UNKNOWN_KEY', 'made by no key that counts here, or changed afterwards');
  return { key, statement: parseSimpleSigning(payload), problem: undefined };
}

function checkBundle(
  bytes: Uint8Array,
  named: ReadonlyMap<string, PublicKey>,
  tried: readonly PublicKey[],
): Outcome {
  const { envelope, keyHint } = parseBundle(bytes);
  const hint = envelope.keyId || keyHint;
  const candidates = hint === '' ? tried : [named.get(hint)].filter((key) => key !== undefined);
  const signedBytes = preAuthEncoding(envelope.payloadType, envelope.payload);
  const key = candidates.find((candidate) => candidate.verify(signedBytes, envelope.signature));
  if (key === undefined) {
    if (hint === '') return refuse('UNKNOWN_KEY', 'made by no key that counts here, or changed afterwards');
    const [namedKey] = candidates;
    if (namedKey !== undefined) return refuse('SIGNATURE_INVALID', 'changed after it was signed', namedKey);
    return refuse('UNKNOWN_KEY', `names the key ${quote(hint)}, which is not known here`);
  }
  if (envelope.payloadType !== inTotoPayloadType) {
    return refuse('OTHER_PREDICATE', `signs ${quote(envelope.payloadType)}, not an in-toto statement`, key);
  }
  const statement = parseInToto(envelope.payload);
  if (statement === undefined) {
    return refuse('OTHER_PREDICATE', 'is about the image, but no signature of it', key);
  }
  return { key, statement, problem: undefined };
}

function malformedIfRefused(check: () => Outcome): Outcome {
  try {
    return check();
  } catch (error) {
    if (error instanceof SignError) return refuse('MALFORMED', error.message);
    throw error;
  }
}

function refuse(problem: EvidenceProblem, message: string, key?: PublicKey): Outcome {
  return { key, statement: undefined, problem, message };
}

// OpenSSH's fingerprint is what this project writes; cosign writes the base64 of the key's SHA-256.
function keysByHint(keys: Iterable<PublicKey>): ReadonlyMap<string, PublicKey> {
  const map = new Map<string, PublicKey>();
  for (const key of keys) map.set(key.fingerprint, key).set(key.spkiHash, key);
  return map;
}
