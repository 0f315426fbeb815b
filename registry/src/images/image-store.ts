import type { Descriptor } from '@img/spec/descriptor';
import { type Digest, digestHex, isDigest } from '@img/spec/digest';
import { quote } from '@img/spec/quote';
import type { Reference } from '@img/spec/reference';
import type { Tag } from '@img/spec/tag';
import { RegistryError } from '../registry-error.ts';
import { attachmentSubject } from '../transfer/attachment-tag.ts';
import type { RepositoryLocation } from '../transfer/content.ts';
import { type CollectedStore, collectGarbage, findGarbage, type Garbage } from './collect-garbage.ts';
import { markNeeded } from './mark-needed.ts';
import { listRepositories, RepositoryFiles } from './repository-files.ts';
import { StoreRepository } from './store-repository.ts';
import { StoreWriter } from './store-writer.ts';

/** An image that somebody asked for: under a tag, or kept by its digest alone. */
export type StoredImage = {
  readonly location: RepositoryLocation;
  readonly tag: Tag | undefined;
  readonly descriptor: Descriptor;
  /** When the tag last changed, or the image was first stored. */
  readonly storedAt: Date;
};

export type CollectOptions = {
  /** Manifests that are needed though no reference says so, for example those of running containers. */
  readonly roots?: readonly Digest[];
  /** What else belongs to images and is collected with them. */
  readonly stores?: readonly CollectedStore[];
};

/**
 * The images of a host, as a registry would keep them: manifests, configs, signatures and, where images are
 * built, compressed layers. Commands may use it at the same time and be killed at any moment.
 *
 * Close it, or bind it with `await using`: what it stored or looked for is protected from the garbage collector
 * until then. Nothing is created before something is stored.
 */
export class ImageStore implements AsyncDisposable {
  readonly root: string;
  readonly #writer: StoreWriter;

  /** @param root the folder, absolute */
  constructor(root: string) {
    this.root = root;
    this.#writer = new StoreWriter(root);
  }

  /** @throws RegistryError STORE_INVALID for a name that is too long for a file system */
  repository(location: RepositoryLocation): StoreRepository {
    return new StoreRepository(new RepositoryFiles(this.root, location), this.#writer);
  }

  /** The images that were asked for, by name and tag; signatures and other attachments are not listed. */
  async list(): Promise<readonly StoredImage[]> {
    const images: StoredImage[] = [];
    for (const location of await listRepositories(this.root)) {
      const files = new RepositoryFiles(this.root, location);
      for (const tag of await files.listTags()) {
        if (attachmentSubject(tag) === undefined) images.push(...(await storedImage(files, 'tags', tag)));
      }
      for (const digest of await files.listDigests('digests')) {
        images.push(...(await storedImage(files, 'digests', digest)));
      }
    }
    return images;
  }

  /** The image that a reference names; its digest decides if it has one. Undefined if it is not on this host. */
  async resolve({ registry, repository, tag, digest }: Reference): Promise<StoredImage | undefined> {
    const files = new RepositoryFiles(this.root, { registry, repository });
    if (digest !== undefined) return (await storedImage(files, 'manifests', digest))[0];
    return tag === undefined ? undefined : (await storedImage(files, 'tags', tag))[0];
  }

  /**
   * The listed images whose digest is given, or begins so: `sha256:3f2a…` or only hex, at least 4 characters.
   *
   * @throws RegistryError REFERENCE_AMBIGUOUS if images with different digests begin so
   */
  async findByDigest(beginning: string): Promise<readonly StoredImage[]> {
    const hex = beginning.replace(/^sha(?:256|512):/, '');
    if (!/^[0-9a-f]{4,128}$/.test(hex)) return [];
    const found = (await this.list()).filter(({ descriptor: { digest } }) => {
      return digest.startsWith(beginning) || digestHex(digest).startsWith(beginning);
    });
    const digests = new Set(found.map(({ descriptor }) => descriptor.digest));
    if (digests.size > 1) {
      throw new RegistryError(
        'REFERENCE_AMBIGUOUS',
        `${quote(beginning)} is the beginning of ${digests.size} digests: ${[...digests].join(', ')}`,
        { hint: 'write more of the digest' },
      );
    }
    return found;
  }

  /**
   * Forgets an image: one tag of it, or, by its digest, all tags in the repository. The content stays until
   * {@link collectGarbage}.
   *
   * @returns the references that were removed; none if there was none
   */
  async remove(location: RepositoryLocation, reference: Tag | Digest): Promise<readonly (Tag | Digest)[]> {
    const files = new RepositoryFiles(this.root, location);
    if (!isDigest(reference)) return (await files.remove('tags', reference)) ? [reference] : [];
    const removed: (Tag | Digest)[] = [];
    for (const tag of await files.listTags()) {
      const descriptor = await files.get('tags', tag);
      if (descriptor?.digest === reference && (await files.remove('tags', tag))) removed.push(tag);
    }
    if (await files.remove('digests', reference)) removed.push(reference);
    return removed;
  }

  /** Cleans up after commands that were killed; what could be continued is kept for a day. */
  async sweep(): Promise<void> {
    await this.#writer.sweep();
  }

  /**
   * Removes all content that no image needs and that no running command works with, and cleans up after
   * commands that were killed.
   *
   * @returns the digests of what was removed
   * @throws RegistryError CONTENT_CORRUPT or STORE_INVALID, removing nothing, if a manifest is damaged
   */
  async collectGarbage({ roots = [], stores = [] }: CollectOptions = {}): Promise<readonly Digest[]> {
    await this.#writer.sweep();
    const removed = await collectGarbage([this.#writer.blobs, ...stores], () => this.#needed(roots));
    for (const location of await listRepositories(this.root)) {
      const files = new RepositoryFiles(this.root, location);
      await files.removeDangling(async (digest) => !(await this.#writer.blobs.exists(digest)));
    }
    return removed;
  }

  /** What {@link collectGarbage} would remove now. @throws as it does */
  async findGarbage({ roots = [], stores = [] }: CollectOptions = {}): Promise<readonly Garbage[]> {
    return await findGarbage([this.#writer.blobs, ...stores], () => this.#needed(roots));
  }

  /** Whether there is content of that name, whether or not it is what its name says. */
  async exists(digest: Digest): Promise<boolean> {
    return await this.#writer.blobs.exists(digest);
  }

  /**
   * Protects content from the garbage collector until this store is closed. Look whether it is there only
   * afterwards.
   */
  async protect(digests: Iterable<Digest>): Promise<void> {
    await (await this.#writer.lease()).protect(digests);
  }

  async close(): Promise<void> {
    await this.#writer.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #needed(roots: readonly Digest[]): Promise<ReadonlySet<Digest>> {
    // Leases first: a command writes its references before it gives its lease back.
    const needed = new Set<Digest>(await this.#writer.protectedDigests());
    // Of a manifest that somebody works with, also what is attached to it.
    const allRoots = [...roots, ...needed];
    for (const location of await listRepositories(this.root)) {
      const files = new RepositoryFiles(this.root, location);
      for (const digest of await markNeeded(files, this.#writer.blobs, allRoots)) needed.add(digest);
    }
    return needed;
  }
}

async function storedImage(
  files: RepositoryFiles,
  kind: 'tags' | 'digests' | 'manifests',
  key: Tag | Digest,
): Promise<readonly StoredImage[]> {
  const [descriptor, storedAt] = await Promise.all([files.get(kind, key), files.writtenAt(kind, key)]);
  // Both at once, because another command may just remove it.
  if (descriptor === undefined || storedAt === undefined) return [];
  return [{ location: files.location, tag: isDigest(key) ? undefined : key, descriptor, storedAt }];
}
