import { createHash, createPublicKey, type KeyObject, verify } from 'node:crypto';
import { quote } from '@img/spec/quote';
import { Point } from '@noble/ed25519';
import { decodePem, encodePem } from './pem.ts';
import type { KeyAlgorithm, RawKey } from './raw-key.ts';
import { SignError } from './sign-error.ts';
import { decodeSpki, encodeSpki } from './spki.ts';
import { decodeSshBlob, decodeSshLine, encodeSshBlob, encodeSshLine, sshLineType } from './ssh-key.ts';

declare const fingerprintBrand: unique symbol;

/** OpenSSH's fingerprint, `SHA256:` and 43 characters of base64, as `ssh-keygen -lf` prints it. */
export type Fingerprint = string & { readonly [fingerprintBrand]: true };

/** @throws SignError KEY_INVALID */
export function parseFingerprint(text: string): Fingerprint {
  if (isFingerprint(text)) return text;
  throw new SignError(
    'KEY_INVALID',
    `fingerprint ${quote(text)} should be SHA256: and 43 characters of base64, as img key show prints it`,
  );
}

export function isFingerprint(text: string): text is Fingerprint {
  return /^SHA256:[A-Za-z0-9+/]{43}$/.test(text);
}

const ed25519SignatureBytes = 64;
const maxTextCharacters = 8192;

/**
 * A public key that passed every check: a point on the curve in its canonical encoding and, for Ed25519, in the
 * subgroup of prime order, so that nobody can sign without the private key, whichever verifier is asked.
 */
export class PublicKey {
  readonly algorithm: KeyAlgorithm;
  readonly fingerprint: Fingerprint;
  /** SHA-256 of the SubjectPublicKeyInfo in base64, by which cosign's bundles name a key. */
  readonly spkiHash: string;
  readonly #point: Uint8Array;
  readonly #keyObject: KeyObject;

  /** @throws SignError KEY_WEAK */
  constructor({ algorithm, point }: RawKey) {
    if (algorithm === 'ed25519') checkEd25519Point(point);
    this.algorithm = algorithm;
    this.#point = Uint8Array.from(point);
    this.#keyObject = keyObjectOf({ algorithm, point });
    this.fingerprint =
      `SHA256:${sha256(encodeSshBlob({ algorithm, point })).replace(/=+$/, '')}` as Fingerprint;
    this.spkiHash = sha256(this.spki());
  }

  /** SubjectPublicKeyInfo in DER. */
  spki(): Uint8Array {
    return encodeSpki(this.#raw());
  }

  /** SubjectPublicKeyInfo in PEM, which OpenSSL and cosign read. */
  toPem(): string {
    return encodePem({ label: 'PUBLIC KEY', bytes: this.spki() });
  }

  /** The key as SSH writes it (RFC 8709 section 4, RFC 5656 section 3.1). */
  sshBlob(): Uint8Array {
    return encodeSshBlob(this.#raw());
  }

  /** The line that OpenSSH writes into a `.pub` file, without the newline. */
  toSshLine(comment?: string): string {
    return encodeSshLine(this.#raw(), comment);
  }

  /**
   * Whether the signature is this key's over these bytes: pure Ed25519 (64 bytes) or ECDSA with SHA-256 (DER).
   * The only place where signatures are checked, so that a registry and a host never disagree. Since Node
   * 24.19 `crypto.verify` is exactly the strict rule: no small-order points, canonical encodings only.
   */
  verify(bytes: Uint8Array, signature: Uint8Array): boolean {
    if (this.algorithm === 'ed25519') {
      return (
        signature.byteLength === ed25519SignatureBytes && verify(null, bytes, this.#keyObject, signature)
      );
    }
    return verify('sha256', bytes, { key: this.#keyObject, dsaEncoding: 'der' }, signature);
  }

  #raw(): RawKey {
    return { algorithm: this.algorithm, point: this.#point };
  }
}

/**
 * Parses a public key: SubjectPublicKeyInfo in PEM or a line of an OpenSSH `.pub` file, Ed25519 or ECDSA P-256.
 *
 * @throws SignError KEY_INVALID (neither), KEY_UNSUPPORTED (another kind of key), KEY_WEAK (a point that must
 *   not be used)
 */
export function parsePublicKey(text: string): PublicKey {
  if (text.length > maxTextCharacters) throw new SignError('KEY_INVALID', 'public key is too long to be one');
  return text.trimStart().startsWith('-----BEGIN ') ? parsePem(text) : parseSshLine(text.trim());
}

/**
 * The key in SubjectPublicKeyInfo DER.
 *
 * @throws SignError KEY_INVALID, KEY_UNSUPPORTED, KEY_WEAK
 */
export function publicKeyFromSpki(der: Uint8Array): PublicKey {
  const raw = decodeSpki(der);
  if (raw === undefined) throw unsupportedSpki(der);
  return new PublicKey(raw);
}

/**
 * The key as SSH writes it (RFC 8709 section 4, RFC 5656 section 3.1).
 *
 * @throws SignError KEY_UNSUPPORTED, KEY_WEAK
 */
export function publicKeyFromSshBlob(blob: Uint8Array): PublicKey {
  const raw = decodeSshBlob(blob);
  if (raw !== undefined) return new PublicKey(raw);
  throw new SignError('KEY_UNSUPPORTED', 'SSH key is neither Ed25519 nor ECDSA on P-256');
}

function parsePem(text: string): PublicKey {
  const block = decodePem(text);
  if (block === undefined) {
    // Without the text: it could be a private key.
    throw new SignError('KEY_INVALID', 'public key is not one well-formed PEM block');
  }
  if (block.label !== 'PUBLIC KEY') {
    throw new SignError('KEY_INVALID', `a PEM block ${quote(block.label)} stands where a PUBLIC KEY should`, {
      ...(block.label.endsWith('PRIVATE KEY') && {
        hint: 'this is a private key: keep it secret, and use the public key that belongs to it',
      }),
    });
  }
  return publicKeyFromSpki(block.bytes);
}

function parseSshLine(line: string): PublicKey {
  const raw = /[\r\n]/.test(line) ? undefined : decodeSshLine(line);
  if (raw !== undefined) return new PublicKey(raw);
  const type = sshLineType(line);
  if (type !== undefined && type !== 'ssh-ed25519' && type !== 'ecdsa-sha2-nistp256') {
    throw unsupported(type);
  }
  throw new SignError(
    'KEY_INVALID',
    `text that begins with ${quote(line.slice(0, 12))} should be a PEM block PUBLIC KEY or one line "ssh-ed25519 …"`,
  );
}

function checkEd25519Point(point: Uint8Array): void {
  let parsed: Point;
  try {
    // false: RFC 8032 instead of ZIP 215, so that a point has only one encoding.
    parsed = Point.fromBytes(point, false);
  } catch (cause) {
    throw weak('Ed25519 public key is not a point of the curve in canonical form', cause);
  }
  // With a point of small order anybody can make signatures; a torsion part makes verifiers disagree.
  if (parsed.isSmallOrder() || !parsed.isTorsionFree()) {
    throw weak('Ed25519 public key is outside the subgroup of prime order');
  }
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('base64');
}

function keyObjectOf(raw: RawKey): KeyObject {
  try {
    return createPublicKey({ key: Buffer.from(encodeSpki(raw)), format: 'der', type: 'spki' });
  } catch (cause) {
    throw weak('ECDSA public key is not a point of the curve P-256', cause);
  }
}

function weak(message: string, cause?: unknown): SignError {
  return new SignError('KEY_WEAK', message, {
    cause,
    hint: 'it was damaged or made to deceive: ask its owner for it again, and trust it for nothing until then',
  });
}

function unsupportedSpki(der: Uint8Array): SignError {
  try {
    const key = createPublicKey({ key: Buffer.from(der), format: 'der', type: 'spki' });
    const curve = key.asymmetricKeyDetails?.namedCurve;
    return unsupported([key.asymmetricKeyType, curve].filter((part) => part !== undefined).join(' '));
  } catch (cause) {
    return new SignError('KEY_INVALID', 'PUBLIC KEY holds no SubjectPublicKeyInfo', { cause });
  }
}

function unsupported(kind: string): SignError {
  return new SignError('KEY_UNSUPPORTED', `a key of the kind ${quote(kind)} can't be used`, {
    hint: 'use an Ed25519 key, or an ECDSA key on P-256 in uncompressed form',
  });
}
