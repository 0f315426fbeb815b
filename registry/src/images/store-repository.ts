import type { Descriptor } from '@img/spec/descriptor';
import { type Digest, isDigest } from '@img/spec/digest';
import { artifactTypeOf, type Manifest, parseManifest } from '@img/spec/manifest';
import type { Tag } from '@img/spec/tag';
import { RegistryError } from '../registry-error.ts';
import type {
  BlobRequest,
  ContentOptions,
  ContentSource,
  ContentTarget,
  ManifestContent,
  OpenBlob,
  PutManifestOptions,
  ReferrerRemover,
  RepositoryLocation,
} from '../transfer/content.ts';
import { checkedBytes } from './blob-files.ts';
import type { RepositoryFiles } from './repository-files.ts';
import type { StoreWriter } from './store-writer.ts';

/** One repository of an image store: this host's copies of what a registry has under that name. */
export class StoreRepository implements ContentSource, ContentTarget, ReferrerRemover {
  readonly name: string;
  readonly origin: RepositoryLocation;
  readonly #files: RepositoryFiles;
  readonly #writer: StoreWriter;

  constructor(files: RepositoryFiles, writer: StoreWriter) {
    const { registry, repository } = files.location;
    this.name = `${registry}/${repository} on this host`;
    this.origin = files.location;
    this.#files = files;
    this.#writer = writer;
  }

  /** @throws RegistryError CONTENT_CORRUPT, CONTENT_MISSING naming the file; STORE_INVALID */
  async getManifest(reference: Tag | Digest): Promise<ManifestContent | undefined> {
    const isByDigest = isDigest(reference);
    const descriptor = await this.#files.get(isByDigest ? 'manifests' : 'tags', reference);
    if (descriptor === undefined) return undefined;
    const { blobs } = this.#writer;
    // Entries of collected manifests may outlast them for a moment; a tag keeps its manifest.
    const bytes = isByDigest ? blobs.readIfThere(descriptor) : blobs.readChecked(descriptor);
    if (bytes === undefined) return undefined;
    const { mediaType, digest, size } = descriptor;
    const content: ManifestContent = { descriptor: { mediaType, digest, size }, bytes };
    // The digest says what the bytes are, but only the entry says of which type.
    parsed(content, 'STORE_INVALID', `the entry of ${reference} in ${this.name} has been changed`);
    return content;
  }

  /** Manifests, configs and signatures are checked here, so that the error can name the file. */
  async *getBlob(
    descriptor: Descriptor,
    { offset = 0, signal }: ContentOptions & { readonly offset?: number } = {},
  ): AsyncGenerator<Uint8Array> {
    if (descriptor.size <= checkedBytes) {
      yield this.#writer.blobs.readChecked(descriptor).subarray(offset);
      return;
    }
    for await (const chunk of this.#writer.blobs.read(descriptor.digest, offset)) {
      signal?.throwIfAborted();
      yield chunk;
    }
  }

  async listReferrers(subject: Digest): Promise<readonly Descriptor[]> {
    return await this.#files.listReferrers(subject);
  }

  async presentBlobs(requests: readonly BlobRequest[]): Promise<ReadonlySet<Digest>> {
    const lease = await this.#writer.lease();
    // A layer may be kept by its diffID beside this store; it is protected all the same.
    await lease.protect(
      requests.flatMap(({ descriptor, diffId }) => [descriptor.digest, ...(diffId ? [diffId] : [])]),
    );
    const present = new Set<Digest>();
    for (const { descriptor } of requests) {
      if (await this.#writer.blobs.has(descriptor)) present.add(descriptor.digest);
    }
    return present;
  }

  async putBlob({ descriptor }: BlobRequest, open: OpenBlob, options: ContentOptions = {}): Promise<void> {
    await this.#writer.putBlob(descriptor, open, options);
  }

  async putManifest(content: ManifestContent, options: PutManifestOptions = {}): Promise<void> {
    const { descriptor, bytes } = content;
    const { tag, replaces, isRoot = false } = options;
    const manifest = parsed(content, 'IMAGE_INVALID', `manifest ${descriptor.digest} can't be stored`);
    await this.#writer.putBlob(descriptor, (offset) => once(bytes.subarray(offset)), options);
    const lease = await this.#writer.lease();
    const { mediaType, digest, size } = descriptor;
    const entry: Descriptor = { mediaType, digest, size };
    await this.#files.put('manifests', digest, entry, lease);
    if (manifest.subject !== undefined) {
      const artifactType = artifactTypeOf(manifest);
      const referrer = {
        ...entry,
        annotations: manifest.annotations,
        ...(artifactType === undefined ? {} : { artifactType }),
      };
      await this.#files.putReferrer(manifest.subject.digest, referrer, lease);
    }
    // The tag comes last: whoever finds it finds everything.
    if (tag !== undefined && replaces !== undefined) await this.#replaceTag(tag, replaces, entry, options);
    else if (tag !== undefined) await this.#files.put('tags', tag, entry, lease);
    else if (isRoot) await this.#files.put('digests', digest, entry, lease);
  }

  /** The content stays until garbage is collected. */
  async removeReferrer(subject: Digest, referrer: Digest): Promise<void> {
    await this.#files.removeReferrer(subject, referrer);
    await this.#files.remove('manifests', referrer);
  }

  /** One after the other, among all processes that say what they replace. */
  async #replaceTag(
    tag: Tag,
    replaces: Digest | null,
    entry: Descriptor,
    options: ContentOptions,
  ): Promise<void> {
    const lease = await this.#writer.lease();
    await this.#files.locked(async () => {
      const found = await this.#files.get('tags', tag);
      if ((found?.digest ?? null) !== replaces) {
        throw new RegistryError('TAG_MOVED', `tag ${tag} of ${this.name} was changed at the same time`);
      }
      await this.#files.put('tags', tag, entry, lease);
    }, options);
  }

  async listTags(): Promise<readonly Tag[]> {
    return await this.#files.listTags();
  }
}

function parsed(
  { descriptor, bytes }: ManifestContent,
  code: 'IMAGE_INVALID' | 'STORE_INVALID',
  problem: string,
): Manifest {
  try {
    return parseManifest(bytes, descriptor.mediaType);
  } catch (cause) {
    throw new RegistryError(code, `${problem}: ${(cause as Error).message}`, { cause });
  }
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
