import { decompress } from '@img/registry/compression/decompress';
import { writeFileAtomic } from '@img/registry/storage/write-file-atomic';
import type { ContentSource } from '@img/registry/transfer/content';
import { readBlob } from '@img/registry/transfer/read-blob';
import type { PlatformImage } from '@img/runtime/read-image';
import type { Descriptor } from '@img/spec/descriptor';
import { type Digest, digestHex } from '@img/spec/digest';
import { limits } from '@img/spec/limits';
import { layerCompression } from '@img/spec/media-types';
import { verified } from '@img/spec/verified';
import { Spool } from '../deb/spool.ts';
import { encodeTar, type TarItem } from '../tar/encode-tar.ts';

export type DockerArchiveOptions = {
  /** What the image is called where it is loaded: `com.example.app:1.0.0`. */
  readonly names: readonly string[];
  /** On a disk with room for the largest layer unpacked. */
  readonly temporaryFolder: string;
  readonly signal?: AbortSignal | undefined;
};

const maxTarBytes = 64 * 1024 ** 3;

/**
 * Writes an image as `docker save` did it before version 25, for `docker load` of whatever age: config, uncompressed
 * layers, and the manifest that names them. The same image always gives the same bytes.
 */
export async function writeDockerArchive(
  image: PlatformImage,
  source: ContentSource,
  path: string,
  options: DockerArchiveOptions,
): Promise<void> {
  await writeFileAtomic(path, encodeTar(items(image, source, options)));
}

async function* items(
  { manifest, config }: PlatformImage,
  source: ContentSource,
  { names, temporaryFolder, signal }: DockerArchiveOptions,
): AsyncGenerator<TarItem, void, undefined> {
  const options = signal === undefined ? {} : { signal };
  const configBytes = await readBlob(source, manifest.config, limits.imageConfigBytes, options);
  const configName = `${digestHex(manifest.config.digest)}.json`;
  const layerNames = config.diffIds.map((diffId) => `${digestHex(diffId)}.tar`);
  const list = [{ Config: configName, RepoTags: names, Layers: layerNames }];
  yield item('manifest.json', Buffer.from(JSON.stringify(list)));
  yield item(configName, configBytes);
  const written = new Set<string>();
  for (const [index, descriptor] of manifest.layers.entries()) {
    const name = layerNames[index] ?? '';
    if (written.has(name)) continue;
    written.add(name);
    await using spool = await Spool.create(temporaryFolder);
    const sizeBytes = await unpack(descriptor, { source, spool, diffId: config.diffIds[index], ...options });
    yield { entry: entryOf(name, sizeBytes), content: () => spool.read(0, sizeBytes) };
  }
}

/** A tar header comes before the content and says how long that is, so a layer is unpacked first. */
async function unpack(
  descriptor: Descriptor,
  {
    source,
    spool,
    diffId,
    ...options
  }: { source: ContentSource; spool: Spool; diffId: Digest | undefined; signal?: AbortSignal },
): Promise<number> {
  const compression = layerCompression(descriptor.mediaType) ?? 'none';
  const packed = verified(source.getBlob(descriptor, options), descriptor);
  for await (const chunk of decompress(packed, { compression, maxBytes: maxTarBytes }))
    await spool.append(chunk);
  const tar = spool.read(0, spool.sizeBytes);
  if (diffId !== undefined) {
    for await (const chunk of verified(tar, { digest: diffId, size: spool.sizeBytes })) void chunk;
  }
  return spool.sizeBytes;
}

function item(path: string, bytes: Uint8Array): TarItem {
  return { entry: entryOf(path, bytes.byteLength), content: () => [bytes] };
}

function entryOf(path: string, sizeBytes: number): TarItem['entry'] {
  return { type: 'file', path, mode: 0o644, uid: 0, gid: 0, mtimeSeconds: 0, sizeBytes };
}
