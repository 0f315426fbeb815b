import { createReadStream } from 'node:fs';
import type { Inventory } from '@img/builder/inventory/inventory';
import { readInventory } from '@img/builder/inventory/read-inventory';
import { decompress } from '@img/registry/compression/decompress';
import type { ContentSource } from '@img/registry/transfer/content';
import type { Host } from '@img/runtime/host';
import { hostPlatform } from '@img/runtime/launch/host-platform';
import { type PlatformImage, readImage } from '@img/runtime/read-image';
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
    return { diffId, open: () => openLayer({ descriptor, diffId, place, host, signal }) };
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
  readonly place: ContentSource;
  readonly host: Host;
  readonly signal: AbortSignal;
};

/** The tar of a layer: as this host has it to run it, or as it is stored. */
async function* openLayer({
  descriptor,
  diffId,
  place,
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
  const packed = verified(place.getBlob(descriptor, { signal }), descriptor);
  yield* decompress(packed, { compression, maxBytes: maxTarBytes });
}
