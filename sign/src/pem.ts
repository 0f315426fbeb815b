import { decodeBase64, encodeBase64 } from './base64.ts';

/** One block of PEM text (RFC 7468). */
export type PemBlock = {
  /** For example `PUBLIC KEY`. */
  readonly label: string;
  readonly bytes: Uint8Array;
};

/** Reads text that is exactly one PEM block, white space around it aside; undefined for anything else. */
export function decodePem(text: string): PemBlock | undefined {
  const lines = text.trim().split(/\r?\n/);
  const label = /^-----BEGIN ([A-Z0-9 ]{1,64})-----$/.exec(lines[0] ?? '')?.[1];
  if (label === undefined || lines.at(-1) !== `-----END ${label}-----`) return undefined;
  const bytes = decodeBase64(lines.slice(1, -1).join(''));
  return bytes === undefined ? undefined : { label, bytes };
}

/** PEM text with lines of 64 characters and a newline at the end, as OpenSSL and Go write it. */
export function encodePem({ label, bytes }: PemBlock): string {
  const lines = encodeBase64(bytes).match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n');
}
