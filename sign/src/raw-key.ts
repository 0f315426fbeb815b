/** The algorithms that a signature may use; a key has exactly one, and nothing that is signed can change it. */
export type KeyAlgorithm = 'ed25519' | 'ecdsa-p256';

/** A public key as plain bytes, its well-formedness checked, its mathematics not. */
export type RawKey = {
  readonly algorithm: KeyAlgorithm;
  /** Ed25519: the 32 bytes of RFC 8032; P-256: the uncompressed point, 0x04 and both coordinates, 65 bytes. */
  readonly point: Uint8Array;
};

export const pointBytes: { readonly [algorithm in KeyAlgorithm]: number } = {
  ed25519: 32,
  'ecdsa-p256': 65,
};
