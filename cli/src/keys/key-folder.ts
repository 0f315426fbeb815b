import { access, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder } from '@img/registry/storage/make-folder';
import { writeFileAtomic } from '@img/registry/storage/write-file-atomic';
import { type PublicKey, parsePublicKey } from '@img/sign/public-key';
import { nearest } from '@img/spec/nearest';
import { quote } from '@img/spec/quote';
import { CliError } from '../cli-error.ts';
import { readSmallFile } from '../read-small-file.ts';
import { writeNewFile } from '../write-new-file.ts';
import { isKeyName, type KeyName } from './key-name.ts';

const maxKeyBytes = 64 * 1024;

export type KeyEntry = { readonly name: KeyName; readonly publicKey: PublicKey };

/**
 * A folder of keys: `NAME.key` is the private key in cosign's encrypted format, for its owner only, and `NAME.pub`
 * the public key in PEM.
 */
export class KeyFolder {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  /** In the order of their names. */
  async list(): Promise<readonly KeyEntry[]> {
    const names = await this.#names();
    return await Promise.all(names.map(async (name) => ({ name, publicKey: await this.publicKey(name) })));
  }

  /** @throws CliError KEY_UNKNOWN, USAGE; SignError if the file holds no usable key */
  async publicKey(name: KeyName): Promise<PublicKey> {
    const bytes = await readSmallFile(this.publicKeyPath(name), { maxBytes: maxKeyBytes });
    if (bytes === undefined) {
      throw (await isThere(this.privateKeyPath(name))) ? this.#interrupted(name) : await this.#unknown(name);
    }
    return parsePublicKey(new TextDecoder().decode(bytes));
  }

  /**
   * The text of the private key's file.
   *
   * @throws CliError KEY_UNKNOWN, KEY_UNSAFE if others than the owner may read or write it
   */
  async privateKeyFile(name: KeyName): Promise<string> {
    const text = await readPrivateFile(this.privateKeyPath(name));
    if (text === undefined) throw await this.#unknown(name);
    return text;
  }

  /**
   * Checks before somebody is asked for a passphrase.
   *
   * @throws CliError KEY_EXISTS
   */
  async checkFree(name: KeyName): Promise<void> {
    if (await isThere(this.privateKeyPath(name))) throw this.#exists(name);
  }

  /**
   * Adds a key.
   *
   * @param sealed the text of the private key's file
   * @throws CliError KEY_EXISTS, because a key that is overwritten is gone for ever
   */
  async add(name: KeyName, sealed: string, publicKey: PublicKey): Promise<void> {
    await makeFolder(this.path);
    // The private key decides which of two calls at the same time wins; the public one only goes with it.
    if (!(await writeNewFile(this.privateKeyPath(name), sealed, 0o600))) throw this.#exists(name);
    await writeFileAtomic(this.publicKeyPath(name), publicKey.toPem());
  }

  /** Writes the public key of a private one that was opened, if it is missing and the folder can be written. */
  async completePublicKey({ name, publicKey }: KeyEntry): Promise<void> {
    if (await isThere(this.publicKeyPath(name))) return;
    // Whoever signs needs no public key; what is still missing is said by what does.
    await writeNewFile(this.publicKeyPath(name), publicKey.toPem(), 0o644).catch(() => undefined);
  }

  privateKeyPath(name: KeyName): string {
    return join(this.path, `${name}.key`);
  }

  publicKeyPath(name: KeyName): string {
    return join(this.path, `${name}.pub`);
  }

  async #names(): Promise<readonly KeyName[]> {
    const files = await readdir(this.path).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return [];
      throw error;
    });
    return files
      .filter((file) => file.endsWith('.pub'))
      .map((file) => file.slice(0, -'.pub'.length))
      .filter(isKeyName)
      .sort();
  }

  #interrupted(name: KeyName): CliError {
    const path = this.privateKeyPath(name);
    return new CliError('KEY_UNKNOWN', `key ${name} in ${quote(this.path)} has lost its public key`, {
      hint: `img sign --key ${name} writes it again; if making the key was interrupted, remove ${path} and make another`,
    });
  }

  #exists(name: KeyName): CliError {
    return new CliError('KEY_EXISTS', `there is already a key ${name} in ${quote(this.path)}`, {
      hint: 'choose another name, or move the old key away if it is no longer needed',
    });
  }

  async #unknown(name: KeyName): Promise<CliError> {
    const names = await this.#names();
    const similar = nearest(name, names);
    const known = names.length === 0 ? `make one with img key new ${name}` : `known are ${names.join(', ')}`;
    return new CliError('KEY_UNKNOWN', `there is no key ${name} in ${quote(this.path)}`, {
      hint: similar === undefined ? known : `did you mean ${similar}?`,
    });
  }
}

async function isThere(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
}

/**
 * Reads a private key's file; undefined if there is none.
 *
 * @throws CliError KEY_UNSAFE if others than the owner may read or write it
 */
export async function readPrivateFile(path: string): Promise<string | undefined> {
  const bytes = await readSmallFile(path, {
    maxBytes: maxKeyBytes,
    check: async (handle) => {
      const { mode } = await handle.stat();
      if ((mode & 0o077) === 0) return;
      throw new CliError('KEY_UNSAFE', `private key ${quote(path)} can be used by others than its owner`, {
        hint: `protect it with chmod 600 ${path}, and make a new key if somebody may have read it`,
      });
    },
  });
  return bytes === undefined ? undefined : new TextDecoder().decode(bytes);
}
