import { SignError } from './sign-error.ts';
import type { Signer } from './signer.ts';

/**
 * A signature that is checked, because an agent or a token may answer with another kind, or with one by another key.
 *
 * @throws SignError SIGNER_FAULTY; what the signer throws
 */
export async function signed(signer: Signer, bytes: Uint8Array): Promise<Uint8Array> {
  const signature = await signer.sign(bytes);
  if (signer.publicKey.verify(bytes, signature)) return signature;
  throw new SignError(
    'SIGNER_FAULTY',
    `signature does not verify with the signer's key ${signer.publicKey.fingerprint}`,
    {
      hint: 'the key must make plain Ed25519 signatures; security keys (sk-ssh-ed25519) do not',
    },
  );
}
