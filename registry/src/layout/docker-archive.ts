import { collect } from '@img/spec/collect';
import type { Descriptor } from '@img/spec/descriptor';
import { type Digest, digestOf, isDigest } from '@img/spec/digest';
import { parseImageConfig } from '@img/spec/image-config';
import { type JsonValue, parseJson } from '@img/spec/json';
import { JsonFields } from '@img/spec/json-fields';
import { limits } from '@img/spec/limits';
import { encodeManifest } from '@img/spec/manifest';
import { mediaTypes } from '@img/spec/media-types';
import type { Tag } from '@img/spec/tag';
import { RegistryError } from '../registry-error.ts';
import type { ContentOptions, ContentSource, ManifestContent } from '../transfer/content.ts';
import type { LayoutFiles } from './layout-files.ts';
import type { LayoutImage } from './layout-source.ts';

/** The file that lists the images of an archive that `docker save` wrote. */
export const dockerManifestFile = 'manifest.json';

type DockerImage = {
  readonly names: readonly string[];
  readonly manifest: ManifestContent;
};

/**
 * An archive in the format of `docker save` before version 25: configs and uncompressed layers under names of
 * any kind. Such an image has no manifest, so one is made for it, the same for the same image. Close it.
 */
export class DockerArchiveSource implements ContentSource, AsyncDisposable {
  readonly name: string;
  readonly images: readonly LayoutImage[];
  readonly #files: LayoutFiles;
  readonly #images: readonly DockerImage[];
  readonly #paths: ReadonlyMap<Digest, string>;

  private constructor(
    files: LayoutFiles,
    images: readonly DockerImage[],
    paths: ReadonlyMap<Digest, string>,
  ) {
    this.name = files.name;
    this.#files = files;
    this.#images = images;
    this.#paths = paths;
    this.images = images.flatMap(({ names, manifest: { descriptor } }): readonly LayoutImage[] => {
      return names.length === 0
        ? [{ name: undefined, descriptor }]
        : names.map((name) => ({ name, descriptor }));
    });
  }

  /** @throws RegistryError ARCHIVE_INVALID */
  static async open(files: LayoutFiles): Promise<DockerArchiveSource> {
    const paths = new Map<Digest, string>();
    try {
      const list = parseJson(await read(files, dockerManifestFile, limits.manifestBytes), {
        maxBytes: limits.manifestBytes,
      });
      if (!Array.isArray(list)) throw new Error(`${dockerManifestFile} should be a list`);
      const images: DockerImage[] = [];
      for (const [index, value] of list.entries()) images.push(await imageFrom(files, value, index, paths));
      return new DockerArchiveSource(files, images, paths);
    } catch (cause) {
      if (cause instanceof RegistryError) throw cause;
      throw new RegistryError(
        'ARCHIVE_INVALID',
        `${files.name} is no image archive: ${(cause as Error).message}`,
        {
          cause,
        },
      );
    }
  }

  async getManifest(reference: Tag | Digest): Promise<ManifestContent | undefined> {
    return this.#images.find(({ names, manifest: { descriptor } }) => {
      return isDigest(reference)
        ? descriptor.digest === reference
        : names.some((name) => name === reference || name.endsWith(`:${reference}`));
    })?.manifest;
  }

  async *getBlob(
    { digest }: Descriptor,
    { offset = 0, signal }: ContentOptions & { readonly offset?: number } = {},
  ): AsyncGenerator<Uint8Array> {
    const path = this.#paths.get(digest);
    if (path === undefined) throw new RegistryError('CONTENT_MISSING', `${this.name} has no blob ${digest}`);
    for await (const chunk of this.#files.read(path, offset)) {
      signal?.throwIfAborted();
      yield chunk;
    }
  }

  /** The format has none. */
  async listReferrers(): Promise<readonly Descriptor[]> {
    return [];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#files[Symbol.asyncDispose]();
  }
}

async function imageFrom(
  files: LayoutFiles,
  value: JsonValue,
  index: number,
  paths: Map<Digest, string>,
): Promise<DockerImage> {
  const fields = new JsonFields(value, `${dockerManifestFile}[${index}]`, 'JSON_INVALID');
  const configPath = fields.string('Config');
  const configBytes = await read(files, configPath, limits.imageConfigBytes);
  const { diffIds } = parseImageConfig(configBytes);
  const layerPaths = fields.optionalStrings('Layers', limits.layers) ?? [];
  if (diffIds.length !== layerPaths.length) {
    throw new Error(`${configPath} names ${diffIds.length} layers, but the archive has ${layerPaths.length}`);
  }
  const config = {
    mediaType: mediaTypes.ociConfig,
    digest: digestOf(configBytes),
    size: configBytes.byteLength,
  };
  paths.set(config.digest, configPath);
  const layers: Descriptor[] = [];
  for (const [position, path] of layerPaths.entries()) {
    const size = await files.size(path);
    const digest = diffIds[position];
    if (size === undefined || digest === undefined) throw new Error(`there is no ${path}`);
    // Layers are not compressed, so the diffID is the digest; whoever reads the layer checks it.
    layers.push({ mediaType: mediaTypes.ociLayer, digest, size });
    paths.set(digest, path);
  }
  const bytes = encodeManifest({
    kind: 'manifest',
    mediaType: mediaTypes.ociManifest,
    artifactType: undefined,
    config,
    layers,
    subject: undefined,
    annotations: {},
  });
  const descriptor = { mediaType: mediaTypes.ociManifest, digest: digestOf(bytes), size: bytes.byteLength };
  return {
    names: fields.optionalStrings('RepoTags', limits.pageEntries) ?? [],
    manifest: { descriptor, bytes },
  };
}

async function read(files: LayoutFiles, path: string, maxBytes: number): Promise<Uint8Array> {
  if ((await files.size(path)) === undefined) throw new Error(`there is no ${path}`);
  return await collect(files.read(path, 0), maxBytes, path);
}
