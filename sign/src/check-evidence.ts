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
  /** By no key that is known here; where it names none, perhaps by a known one and changed afterwards. */
  | 'UNKNOWN_KEY'
  /** Names a known key, and is not its signature of these bytes: one of the three was changed. */
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
  | Refused;

type Refused = {
  /** Whose signature it is or claims to be, where that is a known key. */
  readonly key: PublicKey | undefined;
  readonly statement: undefined;
  readonly problem: EvidenceProblem;
  /** One clause for people. */
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
export function checkEvidence(
  { bundles, simpleSignatures }: Evidence,
  { known, tried }: EvidenceKeys,
): readonly CheckedEvidence[] {
  const keys = { named: keysByHint(known), tried };
  return [
    ...checkAll('bundle', bundles, (bytes) => checkBundle(bytes, keys)),
    ...checkAll('simple-signing', simpleSignatures, (simple) => checkSimple(simple, keys)),
  ];
}

/** The statements in evidence that are signed by one of the keys, for example to find the next sequence. */
export function statementsBy(keys: readonly PublicKey[], evidence: Evidence): readonly Statement[] {
  return checkEvidence(evidence, { known: keys, tried: keys }).flatMap(({ statement }) => statement ?? []);
}

type KeyFinder = {
  readonly named: ReadonlyMap<string, PublicKey>;
  readonly tried: readonly PublicKey[];
};

function checkAll<T>(
  encoding: SignatureEncoding,
  pieces: readonly T[],
  check: (piece: T) => Outcome,
): CheckedEvidence[] {
  const checked = pieces.slice(0, limits.signaturesPerImage).map((piece, index): CheckedEvidence => {
    return { encoding, index, ...malformedIfRefused(() => check(piece)) };
  });
  if (pieces.length > checked.length) {
    const message = `there are more signatures than the ${limits.signaturesPerImage} that are looked at`;
    checked.push({ encoding, index: checked.length, ...refuse('OVER_LIMIT', message) });
  }
  return checked;
}

function checkSimple({ payload, signature, keyHint = '' }: SimpleSignature, keys: KeyFinder): Outcome {
  const signatureBytes = decodeBase64(signature);
  if (signatureBytes === undefined) {
    return refuse('MALFORMED', `signature should be base64, not ${quote(signature)}`);
  }
  if (payload.byteLength > limits.signatureBytes) {
    return refuse('MALFORMED', `payload has more than ${limits.signatureBytes} bytes`);
  }
  const found = findKey(keys, keyHint, payload, signatureBytes);
  if ('problem' in found) return found;
  return { key: found.key, statement: parseSimpleSigning(payload), problem: undefined };
}

function checkBundle(bytes: Uint8Array, keys: KeyFinder): Outcome {
  const { envelope, keyHint } = parseBundle(bytes);
  const { payloadType, payload, signature, keyId } = envelope;
  const found = findKey(keys, keyId || keyHint, preAuthEncoding(payloadType, payload), signature);
  if ('problem' in found) return found;
  const { key } = found;
  if (payloadType !== inTotoPayloadType) {
    return refuse('OTHER_PREDICATE', `signs ${quote(payloadType)}, not an in-toto statement`, key);
  }
  const statement = parseInToto(payload);
  if (statement === undefined) {
    return refuse('OTHER_PREDICATE', 'is about the image, but no signature of it', key);
  }
  return { key, statement, problem: undefined };
}

function findKey(
  { named, tried }: KeyFinder,
  hint: string,
  signedBytes: Uint8Array,
  signature: Uint8Array,
): { readonly key: PublicKey } | Refused {
  if (hint === '') {
    const key = tried.find((candidate) => candidate.verify(signedBytes, signature));
    return key ? { key } : refuse('UNKNOWN_KEY', 'made by no key that counts here, or changed afterwards');
  }
  const key = named.get(hint);
  if (key === undefined) {
    return refuse('UNKNOWN_KEY', `names the key ${quote(hint)}, which is not known here`);
  }
  if (key.verify(signedBytes, signature)) return { key };
  return refuse('SIGNATURE_INVALID', 'was changed, or is not by the key that it names', key);
}

function malformedIfRefused(check: () => Outcome): Outcome {
  try {
    return check();
  } catch (error) {
    if (error instanceof SignError) return refuse('MALFORMED', error.message);
    throw error;
  }
}

function refuse(problem: EvidenceProblem, message: string, key?: PublicKey): Refused {
  return { key, statement: undefined, problem, message };
}

// OpenSSH's fingerprint is what this project writes; cosign writes the base64 of the key's SHA-256.
function keysByHint(keys: Iterable<PublicKey>): ReadonlyMap<string, PublicKey> {
  const map = new Map<string, PublicKey>();
  for (const key of keys) map.set(key.fingerprint, key).set(key.spkiHash, key);
  return map;
}
