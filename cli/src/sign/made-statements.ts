import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder } from '@img/registry/storage/make-folder';
import { parseBundle } from '@img/sign/bundle';
import { SignError } from '@img/sign/sign-error';
import { digestOf } from '@img/spec/digest';
import { readSmallFile } from '../read-small-file.ts';

const fileName = 'signed.txt';
const maxBytes = 64 * 1024 * 1024;

/**
 * What was signed with the keys of this user, one line for each: the digest of what was signed, and what it is about.
 * Whatever a log has by these keys and this file has not, somebody else signed.
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
      await file.write(bundles.map((bundle) => `${signedIn(bundle)} ${about}\n`).join(''));
      await file.sync();
    } finally {
      await file.close();
    }
  }

  /** Tells of a bundle whether it was signed here. */
  async read(): Promise<(bundle: Uint8Array) => boolean> {
    const bytes = await readSmallFile(this.path, { maxBytes });
    const lines = new TextDecoder().decode(bytes ?? new Uint8Array()).split('\n');
    const made = new Set(lines.map((line) => line.split(' ', 1)[0]));
    return (bundle) => made.has(signedIn(bundle));
  }
}

// Not of the bundle: anybody can write the same in another way.
function signedIn(bundle: Uint8Array): string {
  try {
    return digestOf(parseBundle(bundle).envelope.payload);
  } catch (error) {
    if (error instanceof SignError) return 'nothing';
    throw error;
  }
}
