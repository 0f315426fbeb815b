import { type KeyAlgorithm, pointBytes, type RawKey } from './raw-key.ts';

// SubjectPublicKeyInfo in DER is a constant and then the point, for both algorithms (RFC 8410 section 4,
// RFC 5480 section 2). Comparing with the constants leaves no room for other parameters or encodings.
const prefixes: { readonly [algorithm in KeyAlgorithm]: Uint8Array } = {
  ed25519: Buffer.from('302a300506032b6570032100', 'hex'),
  'ecdsa-p256': Buffer.from('3059301306072a8648ce3d020106082a8648ce3d030107034200', 'hex'),
};

/** The key in SubjectPublicKeyInfo DER; undefined unless it is Ed25519 or P-256 in the one usual encoding. */
export function decodeSpki(der: Uint8Array): RawKey | undefined {
  for (const algorithm of ['ed25519', 'ecdsa-p256'] as const) {
    const prefix = prefixes[algorithm];
    const point = der.subarray(prefix.byteLength);
    const hasPrefix = Buffer.compare(der.subarray(0, prefix.byteLength), prefix) === 0;
    if (hasPrefix && point.byteLength === pointBytes[algorithm]) return { algorithm, point };
  }
  return undefined;
}

export function encodeSpki({ algorithm, point }: RawKey): Uint8Array {
  return new Uint8Array(Buffer.concat([prefixes[algorithm], point]));
}
