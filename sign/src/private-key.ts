import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { quote } from '@img/spec/quote';
import { decodePem } from './pem.ts';
import { type PublicKey, publicKeyFromSpki } from './public-key.ts';
import { SignError } from './sign-error.ts';
import type { Signer } from './signer.ts';

/** A private key in memory. Its bytes leave it only through {@link PrivateKey.toPkcs8}. */
export class PrivateKey implements Signer {
  readonly publicKey: PublicKey;
  readonly #keyObject: KeyObject;

  /** @throws SignError KEY_UNSUPPORTED unless the key is Ed25519 or ECDSA P-256 */
  constructor(keyObject: KeyObject) {
    const spki = createPublicKey(keyObject).export({ format: 'der', type: 'spki' });
    this.publicKey = publicKeyFromSpki(spki);
    this.#keyObject = keyObject;
  }

  /** @throws SignError KEY_UNSUPPORTED for a P-256 key, which is only ever verified with */
  async sign(bytes: Uint8Array): Promise<Uint8Array> {
    if (this.publicKey.algorithm !== 'ed25519') {
      throw new SignError('KEY_UNSUPPORTED', `key ${this.publicKey.fingerprint} is not Ed25519`, {
        hint: 'make an Ed25519 key; ECDSA keys are accepted for verifying only',
      });
    }
    return new Uint8Array(sign(null, bytes, this.#keyObject));
  }

  /** PKCS#8 in DER (RFC 5958), not encrypted; whoever calls this keeps it secret. */
  toPkcs8(): Uint8Array {
    return new Uint8Array(this.#keyObject.export({ format: 'der', type: 'pkcs8' }));
  }
}

/** A new Ed25519 key from the operating system's randomness. */
export function generatePrivateKey(): PrivateKey {
  return new PrivateKey(generateKeyPairSync('ed25519').privateKey);
}

/** @throws SignError KEY_INVALID, KEY_UNSUPPORTED */
export function privateKeyFromPkcs8(der: Uint8Array): PrivateKey {
  let keyObject: KeyObject;
  try {
    keyObject = createPrivateKey({ key: Buffer.from(der), format: 'der', type: 'pkcs8' });
  } catch (cause) {
    throw new SignError('KEY_INVALID', 'private key is not well-formed PKCS#8', { cause });
  }
  return new PrivateKey(keyObject);
}

/**
 * Reads a private key that is not encrypted, as `openssl genpkey` writes it.
 *
 * @throws SignError KEY_INVALID, KEY_UNSUPPORTED
 */
export function parsePrivateKeyPem(text: string): PrivateKey {
  const block = decodePem(text);
  if (block?.label === 'PRIVATE KEY') return privateKeyFromPkcs8(block.bytes);
  throw new SignError(
    'KEY_INVALID',
    `${block === undefined ? 'other text' : `a PEM block ${quote(block.label)}`} stands where an unencrypted PEM block PRIVATE KEY should`,
    {
      hint:
        conversions.get(block?.label) ??
        'keys are read as img key new, cosign and openssl genpkey write them',
    },
  );
}

/** How a key that another program wrote comes here, by the label of its PEM block. */
const conversions: ReadonlyMap<string | undefined, string> = new Map([
  ['OPENSSH PRIVATE KEY', 'leave it with OpenSSH: ssh-add FILE, then sign with img sign --key ssh:NAME'],
  [
    'ENCRYPTED PRIVATE KEY',
    'openssl pkey -in FILE -out PLAIN decrypts it, and img key import PLAIN encrypts it again',
  ],
  ['EC PRIVATE KEY', 'openssl pkey -in FILE -out OTHER writes it as PKCS#8, which img key import reads'],
]);
