import { collect } from '@img/spec/collect';
import type { Descriptor } from '@img/spec/descriptor';
import { type Digest, digestAlgorithm, digestHex, digestOf, isDigest } from '@img/spec/digest';
import { limits } from '@img/spec/limits';
import { artifactTypeOf, type Manifest, parseManifest } from '@img/spec/manifest';
import { isIndexMediaType, isManifestMediaType } from '@img/spec/media-types';
import type { Tag } from '@img/spec/tag';
import { RegistryError } from '../registry-error.ts';
import type { ContentOptions, ContentSource, ManifestContent } from '../transfer/content.ts';
import type { LayoutFiles } from './layout-files.ts';
import { nameOf, readLayoutIndex } from './layout-index.ts';

/** An image in a layout or archive, by the name that was given to it there, if any. */
export type LayoutImage = { readonly name: string | undefined; readonly descriptor: Descriptor };

/** Where a blob is in a layout. */
export function blobPath(digest: Digest): string {
  return `blobs/${digestAlgorithm(digest)}/${digestHex(digest)}`;
}

/** An OCI image layout (image-spec, image-layout.md): a folder, or an archive of one. Close it. */
export class LayoutSource implements ContentSource, AsyncDisposable {
  readonly name: string;
  readonly #files: LayoutFiles;
  #entries: readonly Descriptor[];

  private constructor(files: LayoutFiles, entries: readonly Descriptor[]) {
    this.name = files.name;
    this.#files = files;
    this.#entries = entries;
  }

  /** @throws RegistryError LAYOUT_INVALID */
  static async open(files: LayoutFiles): Promise<LayoutSource> {
    return new LayoutSource(files, await readLayoutIndex(files));
  }

  /** What `index.json` lists. */
  get images(): readonly LayoutImage[] {
    return this.#entries.map((descriptor) => ({ name: nameOf(descriptor), descriptor }));
  }

  /** A tag finds the image of that name, or else the one whose whole reference ends with it. */
  async getManifest(reference: Tag | Digest): Promise<ManifestContent | undefined> {
    if (isDigest(reference)) return await this.#byDigest(reference);
    const entry =
      this.#entries.find((descriptor) => nameOf(descriptor) === reference) ??
      this.#entries.find((descriptor) => nameOf(descriptor)?.endsWith(`:${reference}`) === true);
    return entry === undefined ? undefined : await this.#byDigest(entry.digest);
  }

  async *getBlob(
    { digest }: Descriptor,
    { offset = 0, signal }: ContentOptions & { readonly offset?: number } = {},
  ): AsyncGenerator<Uint8Array> {
    const path = blobPath(digest);
    if ((await this.#files.size(path)) === undefined) {
      throw new RegistryError('CONTENT_MISSING', `${this.name} has no ${path}`);
    }
    for await (const chunk of this.#files.read(path, offset)) {
      signal?.throwIfAborted();
      yield chunk;
    }
  }

  /** Referrers are listed in `index.json` as images are; there is nothing else to find them by. */
  async listReferrers(subject: Digest, options: ContentOptions = {}): Promise<readonly Descriptor[]> {
    const found = new Map<Digest, Descriptor>();
    for (const { mediaType, digest, size } of this.#entries) {
      options.signal?.throwIfAborted();
      if (!isManifestMediaType(mediaType) && !isIndexMediaType(mediaType)) continue;
      const content = await this.#byDigest(digest);
      const manifest = content === undefined ? undefined : this.#parsed(content.bytes, digest);
      if (manifest?.subject?.digest !== subject) continue;
      const artifactType = artifactTypeOf(manifest);
      const type = artifactType === undefined ? {} : { artifactType };
      found.set(digest, { mediaType, digest, size, annotations: manifest.annotations, ...type });
    }
    return [...found.values()];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#files[Symbol.asyncDispose]();
  }

  async #byDigest(digest: Digest): Promise<ManifestContent | undefined> {
    const path = blobPath(digest);
    const size = await this.#files.size(path);
    if (size === undefined) return undefined;
    const bytes = await collect(this.#files.read(path, 0), limits.manifestBytes, `${this.name}: ${path}`);
    const found = digestOf(bytes, digestAlgorithm(digest));
    if (found !== digest) {
      throw new RegistryError('DIGEST_MISMATCH', `${path} of ${this.name} has the digest ${found}`);
    }
    const { mediaType } = this.#parsed(bytes, digest);
    return { descriptor: { mediaType, digest, size: bytes.byteLength }, bytes };
  }

  #parsed(bytes: Uint8Array, digest: Digest): Manifest {
    try {
      return parseManifest(bytes);
    } catch (cause) {
      throw new RegistryError(
        'IMAGE_INVALID',
        `${digest} of ${this.name} can't be read: ${(cause as Error).message}`,
        { cause },
      );
    }
  }
}
