import { constants, readFileSync } from 'node:fs';
import { readFile, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { type Descriptor, descriptorFrom } from '@img/spec/descriptor';
import { type Digest, isDigest } from '@img/spec/digest';
import { parseJson } from '@img/spec/json';
import { limits } from '@img/spec/limits';
import { descriptorJson } from '@img/spec/manifest';
import { quote } from '@img/spec/quote';
import { parseRegistryHost } from '@img/spec/registry-host';
import { parseRepositoryName } from '@img/spec/repository-name';
import { isTag, type Tag } from '@img/spec/tag';
import { RegistryError } from '../registry-error.ts';
import { ignoreMissing, namesIn } from '../storage/ignore-missing.ts';
import { makeFolder } from '../storage/make-folder.ts';
import { writeFileAtomic } from '../storage/write-file-atomic.ts';
import { attachmentSubject } from '../transfer/attachment-tag.ts';
import type { RepositoryLocation } from '../transfer/content.ts';
import type { Lease } from './lease.ts';

/*
 * What a repository of an image store consists of. Each entry is a small file of its own that holds a
 * descriptor and is written atomically, so that commands never wait for each other:
 *
 *   refs/<registry>+<name, with + for />/tags/<tag>               an image under a tag
 *                                       /digests/<digest>         an image kept without a tag
 *                                       /manifests/<digest>       every manifest that belongs to the repository
 *                                       /referrers/<subject>/<digest>
 *                                       /lock                     held while a tag is compared and replaced
 */

export type EntryKind = 'tags' | 'digests' | 'manifests';

export class RepositoryFiles {
  readonly location: RepositoryLocation;
  readonly #folder: string;

  /** @throws RegistryError STORE_INVALID for a name that is too long for a file system */
  constructor(root: string, location: RepositoryLocation) {
    this.location = location;
    this.#folder = join(root, 'refs', folderName(location));
  }

  /** The entry for a tag or digest; undefined if there is none. @throws RegistryError STORE_INVALID */
  async get(kind: EntryKind, key: Tag | Digest): Promise<Descriptor | undefined> {
    return readEntry(join(this.#folder, kind, fileName(key)), isDigest(key) ? key : undefined);
  }

  async put(kind: EntryKind, key: Tag | Digest, descriptor: Descriptor, lease: Lease): Promise<void> {
    await writeEntry(join(this.#folder, kind), fileName(key), descriptor, lease);
  }

  /** @returns whether it was there */
  async remove(kind: EntryKind, key: Tag | Digest): Promise<boolean> {
    const path = join(this.#folder, kind, fileName(key));
    const isThere = (await stat(path).catch(ignoreMissing)) !== undefined;
    await rm(path, { force: true });
    return isThere;
  }

  /** Runs an action that no other process runs at the same time in this repository. */
  async locked(action: () => Promise<void>, options: { readonly signal?: AbortSignal }): Promise<void> {
    await makeFolder(this.#folder);
    const { withStoreLock } = await import('./store-lock.ts');
    await withStoreLock(join(this.#folder, 'lock'), action, options);
  }

  async listTags(): Promise<readonly Tag[]> {
    return (await namesIn(join(this.#folder, 'tags'))).filter(isTag).toSorted();
  }

  async listDigests(kind: 'digests' | 'manifests'): Promise<readonly Digest[]> {
    return digestsIn(join(this.#folder, kind));
  }

  /** When an entry was written; undefined if there is none. */
  async writtenAt(kind: EntryKind, key: Tag | Digest): Promise<Date | undefined> {
    return (await stat(join(this.#folder, kind, fileName(key))).catch(ignoreMissing))?.mtime;
  }

  async listReferrers(subject: Digest): Promise<readonly Descriptor[]> {
    const folder = join(this.#folder, 'referrers', fileName(subject));
    return (await digestsIn(folder))
      .toSorted()
      .flatMap((digest) => readEntry(join(folder, fileName(digest)), digest) ?? []);
  }

  async putReferrer(subject: Digest, descriptor: Descriptor, lease: Lease): Promise<void> {
    const folder = join(this.#folder, 'referrers', fileName(subject));
    await writeEntry(folder, fileName(descriptor.digest), descriptor, lease);
  }

  async removeReferrer(subject: Digest, referrer: Digest): Promise<void> {
    await rm(join(this.#folder, 'referrers', fileName(subject), fileName(referrer)), { force: true });
  }

  /**
   * Removes the entries that keep nothing (manifests, referrers, tags of attachments) if their manifest is gone.
   * Safe against commands that store such a manifest again: they put the manifest first and the entry after it.
   */
  async removeDangling(isGone: (digest: Digest) => Promise<boolean>): Promise<void> {
    const folders = (await digestsIn(join(this.#folder, 'referrers'))).map((subject) => {
      return join(this.#folder, 'referrers', fileName(subject));
    });
    for (const folder of [join(this.#folder, 'manifests'), join(this.#folder, 'tags'), ...folders]) {
      await showHidden(folder);
    }
    for (const folder of [join(this.#folder, 'manifests'), ...folders]) {
      for (const digest of await digestsIn(folder))
        await removeIf(join(folder, fileName(digest)), digest, isGone);
    }
    for (const tag of await this.listTags()) {
      const descriptor = attachmentSubject(tag) === undefined ? undefined : await this.get('tags', tag);
      if (descriptor === undefined) continue;
      await removeIf(join(this.#folder, 'tags', tag), descriptor.digest, isGone);
    }
  }
}

/** The repositories of a store; folders that are none are left aside. */
export async function listRepositories(root: string): Promise<readonly RepositoryLocation[]> {
  const locations: RepositoryLocation[] = [];
  for (const name of (await namesIn(join(root, 'refs'))).toSorted()) {
    const plus = name.indexOf('+');
    try {
      locations.push({
        registry: parseRegistryHost(name.slice(0, Math.max(0, plus))),
        repository: parseRepositoryName(name.slice(plus + 1).replaceAll('+', '/')),
      });
    } catch {
      // Not made by this program.
    }
  }
  return locations;
}

// File systems end names there.
const maxNameBytes = 255;

function folderName({ registry, repository }: RepositoryLocation): string {
  const name = `${registry}+${repository.replaceAll('/', '+')}`;
  if (name.length <= maxNameBytes) return name;
  throw new RegistryError(
    'STORE_INVALID',
    `name ${quote(`${registry}/${repository}`)} has more than the ${maxNameBytes} characters that can be stored`,
  );
}

/** A colon stands in digests only, and a dash in its place makes no tag look like a digest's file. */
function fileName(key: Tag | Digest): string {
  return key.replace(':', '-');
}

async function digestsIn(folder: string): Promise<readonly Digest[]> {
  return (await namesIn(folder)).map((name) => name.replace('-', ':')).filter(isDigest);
}

async function writeEntry(folder: string, name: string, descriptor: Descriptor, lease: Lease): Promise<void> {
  const path = join(folder, name);
  const text = `${JSON.stringify(descriptorJson(descriptor))}\n`;
  // Writing it again would only wear the disk.
  if ((await readFile(path, 'utf8').catch(() => undefined)) === text) return;
  await makeFolder(folder);
  await writeFileAtomic(path, text, { temporaryFolder: lease.folder });
}

// No entry begins so.
const hiddenPrefix = '.gone-';

/** Undoes what a killed collector left half done. */
async function showHidden(folder: string): Promise<void> {
  for (const name of await namesIn(folder)) {
    if (!name.startsWith(hiddenPrefix)) continue;
    await rename(join(folder, name), join(folder, name.slice(hiddenPrefix.length))).catch(ignoreMissing);
  }
}

async function removeIf(
  path: string,
  digest: Digest,
  isGone: (digest: Digest) => Promise<boolean>,
): Promise<void> {
  if (!(await isGone(digest))) return;
  // Out of sight first, so that whoever stores the manifest now writes a new entry.
  const hidden = join(dirname(path), `${hiddenPrefix}${basename(path)}`);
  await rename(path, hidden).catch(ignoreMissing);
  if (await isGone(digest)) await rm(hidden, { force: true });
  else await rename(hidden, path).catch(ignoreMissing);
}

/** @param named the digest that the place of the entry says, where it does */
function readEntry(path: string, named: Digest | undefined): Descriptor | undefined {
  const bytes = readNow(path);
  if (bytes === undefined) return undefined;
  try {
    const json = parseJson(bytes, { maxBytes: limits.manifestBytes });
    const descriptor = descriptorFrom(json, 'entry', 'MANIFEST_INVALID');
    if (named === undefined || descriptor.digest === named) return descriptor;
    throw new Error(`it is the entry of ${descriptor.digest}`);
  } catch (cause) {
    throw new RegistryError('STORE_INVALID', `${path} has been changed: ${(cause as Error).message}`, {
      cause,
      hint: 'remove the file and pull the image again',
    });
  }
}

// A start reads several of these small files, and waiting for each costs more than reading it.
function readNow(path: string): Uint8Array | undefined {
  try {
    return readFileSync(path, { flag: constants.O_RDONLY | constants.O_NONBLOCK });
  } catch (error) {
    return ignoreMissing(error);
  }
}
