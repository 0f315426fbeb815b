import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { PrivateKey, privateKeyFromPkcs8 } from '../private-key.ts';

/** The Ed25519 key of a secret seed of 32 bytes (RFC 8032 section 5.1.5). */
export function keyFromSeed(seed: Uint8Array): PrivateKey {
  // PKCS#8 of an Ed25519 key is a constant and then the seed (RFC 8410 section 7).
  return privateKeyFromPkcs8(Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed]));
}

/** The n-th of a row of Ed25519 keys that are the same in every run. */
export function testKey(n: number): PrivateKey {
  return keyFromSeed(Buffer.alloc(32, n));
}

/** A P-256 key that signs the way cosign does: ECDSA with SHA-256, in DER. */
export function p256Key(): { readonly key: PrivateKey; sign(bytes: Uint8Array): Uint8Array } {
  const keyObject: KeyObject = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  return { key: new PrivateKey(keyObject), sign: (bytes) => sign('sha256', bytes, keyObject) };
}
