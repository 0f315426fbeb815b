import { createHash, type Hash, hash } from 'node:crypto';
import { quote } from './quote.ts';
import { SpecError } from './spec-error.ts';

/** The algorithms that image-spec registers and that every implementation must or should know. */
export type DigestAlgorithm = 'sha256' | 'sha512';

declare const digestBrand: unique symbol;

/** `sha256:<64 hex>` or `sha512:<128 hex>`, lower case; made only by {@link parseDigest} and {@link digestOf}. */
export type Digest = string & { readonly [digestBrand]: true };

const hexCharacters: { readonly [algorithm in DigestAlgorithm]: number } = { sha256: 64, sha512: 128 };
const pattern = /^(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/;

/**
 * Parses a digest (image-spec, descriptor.md#digests). Algorithms that are not registered are refused although
 * image-spec would let them pass: content under them could never be verified.
 *
 * @throws SpecError DIGEST_INVALID for an unknown algorithm, a wrong length or anything but lower-case hex.
 */
export function parseDigest(text: string): Digest {
  if (isDigest(text)) return text;
  const [algorithm] = splitDigest(text);
  throw new SpecError(
    'DIGEST_INVALID',
    isDigestAlgorithm(algorithm)
      ? `digest ${quote(text)} should have ${hexCharacters[algorithm]} lower-case hex characters after ${algorithm}:`
      : `digest ${quote(text)} should begin with sha256: or sha512:`,
  );
}

export function isDigest(text: string): text is Digest {
  return pattern.test(text);
}

export function isDigestAlgorithm(text: string): text is DigestAlgorithm {
  return Object.hasOwn(hexCharacters, text);
}

export function digestAlgorithm(digest: Digest): DigestAlgorithm {
  return splitDigest(digest)[0] as DigestAlgorithm;
}

/** The part after the colon. */
export function digestHex(digest: Digest): string {
  return splitDigest(digest)[1];
}

/** The digest of bytes that are in memory; for streams use `Digester`. */
export function digestOf(bytes: Uint8Array, algorithm: DigestAlgorithm = 'sha256'): Digest {
  return `${algorithm}:${hash(algorithm, bytes, 'hex')}` as Digest;
}

/** Hashes a stream piece by piece. */
export class Digester {
  readonly algorithm: DigestAlgorithm;
  readonly #hash: Hash;

  constructor(algorithm: DigestAlgorithm = 'sha256') {
    this.algorithm = algorithm;
    this.#hash = createHash(algorithm);
  }

  update(bytes: Uint8Array): this {
    this.#hash.update(bytes);
    return this;
  }

  /** Ends the hash; a second call throws. */
  digest(): Digest {
    return `${this.algorithm}:${this.#hash.digest('hex')}` as Digest;
  }
}

function splitDigest(text: string): [algorithm: string, hex: string] {
  const colon = text.indexOf(':');
  return colon < 0 ? ['', text] : [text.slice(0, colon), text.slice(colon + 1)];
}
