import { decodeBase64, encodeBase64 } from './base64.ts';
import { type KeyAlgorithm, pointBytes, type RawKey } from './raw-key.ts';
import { sshString } from './ssh-wire.ts';

const typeNames: { readonly [algorithm in KeyAlgorithm]: string } = {
  ed25519: 'ssh-ed25519',
  'ecdsa-p256': 'ecdsa-sha2-nistp256',
};

/** A key as SSH writes it (RFC 8709 section 4, RFC 5656 section 3.1); its SHA-256 is the fingerprint. */
export function encodeSshBlob({ algorithm, point }: RawKey): Uint8Array {
  const strings =
    algorithm === 'ed25519' ? [typeNames.ed25519, point] : [typeNames['ecdsa-p256'], 'nistp256', point];
  return new Uint8Array(Buffer.concat(strings.map(sshString)));
}

/** One line of a `.pub` file without the newline: type, base64 and, if there is one, the comment. */
export function encodeSshLine(key: RawKey, comment = ''): string {
  return `${typeNames[key.algorithm]} ${encodeBase64(encodeSshBlob(key))}${comment === '' ? '' : ` ${comment}`}`;
}

/** The type that a line of a `.pub` file names, whether it is supported or not; undefined for other text. */
export function sshLineType(line: string): string | undefined {
  return /^((?:ssh|ecdsa|sk-ssh|sk-ecdsa)-[a-z0-9@.-]{1,64}) /.exec(line)?.[1];
}

/** The key in a line of a `.pub` file, its comment left aside; undefined unless it is Ed25519 or P-256. */
export function decodeSshLine(line: string): RawKey | undefined {
  const [type, base64] = line.split(/[ \t]+/, 2);
  const blob = decodeBase64(base64 ?? '');
  const key = blob === undefined ? undefined : decodeSshBlob(blob);
  return key !== undefined && type === typeNames[key.algorithm] ? key : undefined;
}

/** The key that {@link encodeSshBlob} wrote; undefined unless it is Ed25519 or P-256. */
export function decodeSshBlob(blob: Uint8Array): RawKey | undefined {
  for (const algorithm of ['ed25519', 'ecdsa-p256'] as const) {
    const point = blob.subarray(Math.max(0, blob.byteLength - pointBytes[algorithm]));
    // Writing the blob again and comparing checks every length and name in it.
    const isSame = Buffer.compare(encodeSshBlob({ algorithm, point }), blob) === 0;
    if (isSame && point.byteLength === pointBytes[algorithm]) return { algorithm, point };
  }
  return undefined;
}
