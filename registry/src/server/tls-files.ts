import { readFile, stat } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import { ServerError } from './server-error.ts';

/** Files in PEM: a private key, and its certificate with those that lead to a known one. */
export type TlsFiles = { readonly certificate: string; readonly key: string };

/** What a server shows its clients. */
export type TlsContent = { readonly cert: Buffer; readonly key: Buffer };

/**
 * Reads the files, and sees to it that they belong together.
 *
 * @throws ServerError TLS_UNUSABLE
 */
export async function readTlsFiles({ certificate, key }: TlsFiles): Promise<TlsContent> {
  try {
    const content = { cert: await readFile(certificate), key: await readFile(key) };
    createSecureContext(content);
    return content;
  } catch (cause) {
    throw new ServerError(
      'TLS_UNUSABLE',
      `can't use certificate ${certificate} with key ${key}: ${(cause as Error).message}`,
      { cause, hint: 'name a certificate and its private key, both in PEM' },
    );
  }
}

/** Tells one state of the files from another: certificates are renewed while the server runs. */
export async function tlsFilesVersion({ certificate, key }: TlsFiles): Promise<string> {
  const stats = await Promise.all([certificate, key].map((file) => stat(file)));
  return stats.map(({ ino, mtimeMs, size }) => `${ino} ${mtimeMs} ${size}`).join();
}
