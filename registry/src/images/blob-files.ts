import { closeSync, constants, createReadStream, fstatSync, openSync, readSync } from 'node:fs';
import { lstat, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Descriptor } from '@img/spec/descriptor';
import { type Digest, digestAlgorithm, digestHex, digestOf, isDigest } from '@img/spec/digest';
import { limits } from '@img/spec/limits';
import { RegistryError } from '../registry-error.ts';
import { ignoreMissing, namesIn } from '../storage/ignore-missing.ts';
import { makeFolder } from '../storage/make-folder.ts';
import { storedBytes } from '../storage/stored-bytes.ts';
import { syncFolder } from '../storage/write-file-atomic.ts';
import type { CollectedStore } from './collect-garbage.ts';

const pieceBytes = 1024 * 1024;
// Nobody waits for who would write into a pipe that was put in the place of a blob.
const openFlags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** Manifests, configs and signatures are checked whenever they are read; they all fit into this. */
export const checkedBytes = limits.imageConfigBytes;

/** The blobs of an image store: `blobs/<algorithm>/<hex>`, and in `trash/` what the collector is about to remove. */
export class BlobFiles implements CollectedStore {
  readonly #folder: string;
  readonly #trash: string;

  constructor(root: string) {
    this.#folder = join(root, 'blobs');
    this.#trash = join(root, 'trash');
  }

  path(digest: Digest): string {
    return join(this.#folder, digestAlgorithm(digest), digestHex(digest));
  }

  /** Whether there is a blob of that name, whatever its content, and though it may be hidden. */
  async exists(digest: Digest): Promise<boolean> {
    for (const path of this.#paths(digest)) {
      if ((await lstat(path).catch(ignoreMissing)) !== undefined) return true;
    }
    return false;
  }

  /**
   * Whether the blob is there in full. Small ones count only if their content is right, so that storing them
   * again repairs them; large ones are checked by whoever reads them.
   */
  async has({ digest, size }: Descriptor): Promise<boolean> {
    const found = await lstat(this.path(digest)).catch(ignoreMissing);
    if (found?.isFile() !== true || found.size !== size) return false;
    if (size > checkedBytes) return true;
    const bytes = this.#readWhole(digest);
    return bytes !== undefined && digestOf(bytes, digestAlgorithm(digest)) === digest;
  }

  /**
   * Reads a small blob and checks it.
   *
   * @throws RegistryError CONTENT_MISSING, CONTENT_CORRUPT naming the file
   */
  readChecked(descriptor: Descriptor): Uint8Array {
    const bytes = this.readIfThere(descriptor);
    if (bytes === undefined) throw this.#missing(descriptor.digest);
    return bytes;
  }

  /** Like {@link readChecked}, but undefined if the blob is missing. */
  readIfThere({ digest, size }: Descriptor): Uint8Array | undefined {
    const bytes = this.#readWhole(digest);
    if (bytes === undefined) return undefined;
    const found = digestOf(bytes, digestAlgorithm(digest));
    if (bytes.byteLength === size && found === digest) return bytes;
    throw new RegistryError(
      'CONTENT_CORRUPT',
      `${this.path(digest)} has been changed: it should have ${size} bytes with the digest ${digest}, ` +
        `but has ${bytes.byteLength} with ${found}`,
      { hint: 'pull the image again to repair it' },
    );
  }

  /** Reads a blob from an offset on, unchecked. @throws RegistryError CONTENT_MISSING */
  async *read(digest: Digest, offset: number): AsyncGenerator<Uint8Array> {
    const file = this.#open(digest);
    if (file === undefined) throw this.#missing(digest);
    yield* createReadStream('', { fd: file, start: offset, highWaterMark: pieceBytes });
  }

  /** Gives a finished, synced file the name of its blob. */
  async adopt(digest: Digest, temporaryPath: string): Promise<void> {
    const folder = join(this.#folder, digestAlgorithm(digest));
    await makeFolder(folder);
    await rename(temporaryPath, this.path(digest));
    await syncFolder(folder);
  }

  async list(): Promise<readonly Digest[]> {
    const found: Digest[] = [];
    for (const algorithm of await namesIn(this.#folder)) {
      for (const hex of await namesIn(join(this.#folder, algorithm))) {
        const digest = `${algorithm}:${hex}`;
        if (isDigest(digest)) found.push(digest);
      }
    }
    return found;
  }

  async hide(digest: Digest): Promise<void> {
    await makeFolder(this.#trash);
    await rename(this.path(digest), this.#hiddenPath(digest)).catch(ignoreMissing);
  }

  async listHidden(): Promise<readonly Digest[]> {
    return (await namesIn(this.#trash)).map((name) => name.replace('-', ':')).filter(isDigest);
  }

  async show(digest: Digest): Promise<void> {
    await rename(this.#hiddenPath(digest), this.path(digest)).catch(ignoreMissing);
  }

  async removeHidden(digest: Digest): Promise<void> {
    await rm(this.#hiddenPath(digest), { force: true });
  }

  async sizeBytes(digest: Digest): Promise<number> {
    return (await storedBytes(this.path(digest))) + (await storedBytes(this.#hiddenPath(digest)));
  }

  #hiddenPath(digest: Digest): string {
    return join(this.#trash, digest.replace(':', '-'));
  }

  /** Where a blob may be while a collector hides it, and perhaps shows it again. */
  #paths(digest: Digest): readonly string[] {
    return [this.path(digest), this.#hiddenPath(digest), this.path(digest)];
  }

  /** What is hidden for a moment can still be read; it may turn out to be needed. */
  #open(digest: Digest): number | undefined {
    for (const path of this.#paths(digest)) {
      try {
        return openSync(path, openFlags);
      } catch (error) {
        ignoreMissing(this.#notAFile(path, error));
      }
    }
    return undefined;
  }

  // At once: a start reads a dozen of these small files, and waiting for each costs more than reading it.
  #readWhole(digest: Digest): Uint8Array | undefined {
    const file = this.#open(digest);
    if (file === undefined) return undefined;
    try {
      // A file that has grown is wrong; how far doesn't matter.
      const bytes = Buffer.alloc(Math.min(fstatSync(file).size, checkedBytes + 1));
      let filled = 0;
      while (filled < bytes.byteLength) {
        const bytesRead = readSync(file, bytes, filled, bytes.byteLength - filled, filled);
        if (bytesRead === 0) break;
        filled += bytesRead;
      }
      return bytes.subarray(0, filled);
    } finally {
      closeSync(file);
    }
  }

  /** Opening a symbolic link fails so; the store makes none. */
  #notAFile(path: string, error: unknown): unknown {
    if ((error as NodeJS.ErrnoException).code !== 'ELOOP') return error;
    return new RegistryError('CONTENT_CORRUPT', `${path} has been replaced by a link`, {
      cause: error,
      hint: 'remove the link and pull the image again',
    });
  }

  #missing(digest: Digest): RegistryError {
    return new RegistryError('CONTENT_MISSING', `${this.path(digest)} is missing`, {
      hint: 'pull the image again to bring it back; layers that were pulled are kept unpacked: copy those from a registry',
    });
  }
}
