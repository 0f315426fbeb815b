import { createReadStream } from 'node:fs';
import type { Inventory } from '@img/builder/inventory/inventory';
import { readInventory } from '@img/builder/inventory/read-inventory';
import { decompress } from '@img/registry/compression/decompress';
import { RegistryError } from '@img/registry/registry-error';
import type { ContentSource } from '@img/registry/transfer/content';
import type { Host } from '@img/runtime/host';
import { hostPlatform } from '@img/runtime/launch/host-platform';
import { type PlatformImage, readImage } from '@img/runtime/read-image';
import type { Descriptor } from '@img/spec/descriptor';
import type { Digest } from '@img/spec/digest';
import { layerCompression } from '@img/spec/media-types';
import { parsePlatform } from '@img/spec/platform';
import { quote } from '@img/spec/quote';
import { verified } from '@img/spec/verified';
import { parseArgument } from '../argument.ts';
import { CliError } from '../cli-error.ts';
import type { Session } from '../command.ts';
import { locateImage } from './locate-image.ts';
import { RemoteRepository } from './remote-repository.ts';
import { shortName } from './short-name.ts';
import { typedReference } from './typed-reference.ts';

/** An image and what is in it. */
export type InventoriedImage = PlatformImage & { readonly name: string; readonly inventory: Inventory };

const maxTarBytes = 64 * 1024 ** 3;

/**
 * Looks into an image of this host, or of its registry if this host has none.
 *
 * @param options `platform`: which image of an index, that for this host if absent; `isHashing`: whether the
 *   content of all files is hashed, to compare it
 * @throws CliError USAGE; BuilderError BASE_INVALID; what the places throw
 */
export async function imageInventory(
  session: Session,
  host: Host,
  text: string,
  {
    platform,
    isHashing = false,
  }: { readonly platform?: string | undefined; readonly isHashing?: boolean } = {},
): Promise<InventoriedImage> {
  const { config, signal } = session;
  const reference = typedReference(text, config);
  await using remote = new RemoteRepository(session, reference);
  const places = [host.images.repository(reference), remote];
  const { content, place } = await locateImage(reference, places, { signal });
  const wanted = platform === undefined ? hostPlatform() : parseArgument(parsePlatform, platform);
  const image = await readImage(content, place, wanted, { signal });
  const layers = image.manifest.layers.map((descriptor, index) => {
    const diffId = image.config.diffIds[index] as Digest;
    // A build that was pushed may have left layers in the registry.
    const sources = place === remote ? [remote] : [place, remote];
    return { diffId, open: () => openLayer({ descriptor, diffId, sources, host, signal }) };
  });
  return {
    ...image,
    name: shortName(reference, config),
    inventory: await readInventory(layers, { isHashing }),
  };
}

type OpenLayer = {
  readonly descriptor: PlatformImage['manifest']['layers'][number];
  readonly diffId: Digest;
  /** In the order in which they are asked. */
  readonly sources: readonly ContentSource[];
  readonly host: Host;
  readonly signal: AbortSignal;
};

/** The tar of a layer: as this host has it to run it, or as it is stored. */
async function* openLayer({
  descriptor,
  diffId,
  sources,
  host,
  signal,
}: OpenLayer): AsyncGenerator<Uint8Array> {
  if (await host.layers.has(diffId)) {
    const { archive } = await host.layers.check(diffId, { signal });
    yield* createReadStream(archive.path, {
      highWaterMark: 1024 * 1024,
      signal,
    }) as AsyncIterable<Uint8Array>;
    return;
  }
  const compression = layerCompression(descriptor.mediaType);
  if (compression === undefined) {
    throw new CliError(
      'USAGE',
      `layer ${descriptor.digest} is of type ${quote(descriptor.mediaType)}, not of files`,
    );
  }
  const packed = verified(anyOf(sources, descriptor, signal), descriptor);
  yield* decompress(packed, { compression, maxBytes: maxTarBytes });
}

/** A blob of the first place that has it. */
async function* anyOf(
  sources: readonly ContentSource[],
  descriptor: Descriptor,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  for (const [index, source] of sources.entries()) {
    try {
      yield* source.getBlob(descriptor, { signal });
      return;
    } catch (error) {
      const isMissing = error instanceof RegistryError && error.code === 'CONTENT_MISSING';
      if (!isMissing || index === sources.length - 1) throw error;
    }
  }
}
