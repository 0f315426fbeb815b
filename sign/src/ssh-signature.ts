import { createHash } from 'node:crypto';
import { decodeBase64, encodeBase64 } from './base64.ts';
import type { PublicKey } from './public-key.ts';
import { signed } from './signed.ts';
import type { Signer } from './signer.ts';
import { sshString } from './ssh-wire.ts';

/*
 * What `ssh-keygen -Y verify` reads (PROTOCOL.sshsig of OpenSSH): a signature by the same key over the same bytes as
 * the one that it stands beside, for people who have OpenSSH and nothing else. No decision here looks at it. What it
 * covers begins with "SSHSIG", so it never passes for a signature of an image or of an envelope, nor they for it.
 */

/** What signatures of images are made for, `-n` of ssh-keygen: one made for something else is not taken. */
export const sshSignatureNamespace = 'img';

/** Carries a signature, in base64, with whatever it stands beside; unverified. */
export const sshSignatureAnnotation = 'img.sshsig';

const magic = 'SSHSIG';
const version = Buffer.of(0, 0, 0, 1);
const reserved = '';
const hashName = 'sha512';
const typeName = 'ssh-ed25519';
const signatureBytes = 64;

/**
 * Signs bytes as `ssh-keygen -Y sign -n img` does, to the same result.
 *
 * @param signer whose key is Ed25519
 * @returns standard base64
 * @throws SignError SIGNER_FAULTY; what the signer throws
 */
export async function signSsh(signer: Signer, message: Uint8Array): Promise<string> {
  return encodeBase64(encodeBlob(signer.publicKey, await signed(signer, signedData(message))));
}

/** Whether a text is what {@link signSsh} makes of these bytes with the key; false for every other text. */
export function isSshSignature(text: string, key: PublicKey, message: Uint8Array): boolean {
  const blob = decodeBase64(text);
  if (blob === undefined || key.algorithm !== 'ed25519') return false;
  const signature = blob.subarray(-signatureBytes);
  // Writing it again and comparing checks every length and name in it.
  return Buffer.compare(encodeBlob(key, signature), blob) === 0 && key.verify(signedData(message), signature);
}

/** The file that ssh-keygen reads. @param text as {@link signSsh} makes it */
export function armorSshSignature(text: string): string {
  const lines = text.match(/.{1,70}/g) ?? [];
  return ['-----BEGIN SSH SIGNATURE-----', ...lines, '-----END SSH SIGNATURE-----', ''].join('\n');
}

function signedData(message: Uint8Array): Uint8Array {
  const hash = createHash(hashName).update(message).digest();
  const strings = [sshSignatureNamespace, reserved, hashName, hash].map(sshString);
  return new Uint8Array(Buffer.concat([Buffer.from(magic), ...strings]));
}

function encodeBlob(key: PublicKey, signature: Uint8Array): Uint8Array {
  const inner = Buffer.concat([typeName, signature].map(sshString));
  const strings = [key.sshBlob(), sshSignatureNamespace, reserved, hashName, inner].map(sshString);
  return Buffer.concat([Buffer.from(magic), version, ...strings]);
}
