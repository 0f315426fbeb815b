import type { PublicKey } from './public-key.ts';

/** Whoever can make signatures: a private key in memory, an agent, a token. */
export type Signer = {
  /** Must be Ed25519: its signatures are deterministic, so that signing twice stores nothing twice. */
  readonly publicKey: PublicKey;
  /** The pure Ed25519 signature (RFC 8032) of the bytes. */
  sign(bytes: Uint8Array): Promise<Uint8Array>;
};
