import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder } from '@img/registry/storage/make-folder';
import { encodeBase64 } from '@img/sign/base64';
import { leafHash } from '@img/sign/log/tree-hash';
import { readSmallFile } from '../read-small-file.ts';

const fileName = 'signed.txt';
const maxBytes = 64 * 1024 * 1024;

/**
 * What was signed with the keys of this user, one line for each: the hash of the bundle, as a log has it, and what it is
 * about. Whatever a log has by these keys and this file has not, somebody else signed.
 */
export class MadeStatements {
  readonly path: string;

  /** @param folder of the keys */
  constructor(folder: string) {
    this.path = join(folder, fileName);
  }

  /** Adds lines; durable when it returns. Several commands may do so at the same time. */
  async note(bundles: readonly Uint8Array[], about: string): Promise<void> {
    await makeFolder(join(this.path, '..'));
    const file = await open(this.path, 'a', 0o600);
    try {
      // One write, so that the lines of two commands don't mix.
      await file.write(bundles.map((bundle) => `${hashOf(bundle)} ${about}\n`).join(''));
      await file.sync();
    } finally {
      await file.close();
    }
  }

  /** Tells of a bundle whether it was signed here. */
  async read(): Promise<(bundle: Uint8Array) => boolean> {
    const bytes = await readSmallFile(this.path, { maxBytes });
    const lines = new TextDecoder().decode(bytes ?? new Uint8Array()).split('\n');
    const hashes = new Set(lines.map((line) => line.split(' ', 1)[0]));
    return (bundle) => hashes.has(hashOf(bundle));
  }
}

function hashOf(bundle: Uint8Array): string {
  return encodeBase64(leafHash(bundle));
}
