import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { compress } from '@img/registry/compression/compress';
import { decompress } from '@img/registry/compression/decompress';
import { makeFolder } from '@img/registry/storage/make-folder';
import { writeFileAtomic } from '@img/registry/storage/write-file-atomic';
import { collect } from '@img/spec/collect';
import type { Descriptor } from '@img/spec/descriptor';
import { type Digest, digestAlgorithm, digestHex, digestOf } from '@img/spec/digest';
import { BuilderError } from '../builder-error.ts';
import type { LayerCache } from '../layers/layer-cache.ts';
import type { PackageLayer, PackageNotes } from '../layers/package-layers.ts';
import type { LayerBlob } from '../layers/write-layer.ts';
import type { LockedBlob } from '../lock/image-lock.ts';
import { once } from './once.ts';
import { isRecords } from './records-shape.ts';

/** The media type of records: JSON, compressed with zstd. */
export const recordsMediaType = 'application/vnd.img.packages.records.v2+json+zstd';

/** What is known of a package's layer, without reading it. */
export type PackageRecord = LayerBlob & { readonly notes: PackageNotes };

/**
 * What is known of the packages of an image: enough to build upon them where their layers are elsewhere. img.lock names
 * the digest, and whoever pushes an image stores them beside it.
 */
export type PackageRecords = {
  /** By the digest of the package. */
  readonly packages: ReadonlyMap<Digest, PackageRecord>;
  /** The layers that an image has of them, lowest first. */
  readonly layers: readonly LayerBlob[];
};

// Those of an image with a hundred packages have about 2 MB.
const maxBytes = 256 * 1024 * 1024;

/** @returns bytes that are the same for the same packages, wherever their layers come from */
export async function packRecords(
  layers: readonly PackageLayer[],
  files: readonly LayerBlob[],
): Promise<Uint8Array> {
  const packages = layers.map((layer) => {
    return [layer.package.digest, { ...blobOf(layer), notes: layer.notes }] as const;
  });
  const plain = new TextEncoder().encode(JSON.stringify({ packages, layers: files.map(blobOf) }));
  return Buffer.concat(await Array.fromAsync(compress(once(plain), { compression: 'zstd' })));
}

function blobOf({ diffId, tarBytes, compression, digest, sizeBytes }: LayerBlob): LayerBlob {
  return { diffId, tarBytes, compression, digest, sizeBytes };
}

/**
 * Reads what `packRecords` made. Whoever calls has checked that it is what a lock names.
 *
 * @throws BuilderError LOCK_OUTDATED if another version of img wrote it, or no img at all
 */
export async function parseRecords(packed: Uint8Array): Promise<PackageRecords> {
  const plain = decompress(once(packed), { compression: 'zstd', maxBytes });
  const text = Buffer.from(await collect(plain, maxBytes, 'records of packages')).toString();
  const value = parseOrNull(text);
  if (!isRecords(value)) {
    throw new BuilderError('LOCK_OUTDATED', 'another version of img has made the records of img.lock', {
      hint: 'build once with --no-cache, which makes them anew, and commit the img.lock that this gives',
    });
  }
  return { packages: new Map(value.packages), layers: value.layers };
}

function parseOrNull(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

export function recordsDescriptor({ digest, size }: LockedBlob): Descriptor {
  return { mediaType: recordsMediaType, digest, size };
}

/** Records that this machine has; undefined if it doesn't, or not as they were. */
export async function readRecords(
  cache: LayerCache,
  { digest }: LockedBlob,
): Promise<Uint8Array | undefined> {
  const bytes = await readFile(pathOf(cache, digest)).catch(() => undefined);
  return bytes !== undefined && digestOf(bytes, digestAlgorithm(digest)) === digest ? bytes : undefined;
}

/** Has this machine keep records. */
export async function keepRecords(cache: LayerCache, digest: Digest, bytes: Uint8Array): Promise<void> {
  const path = pathOf(cache, digest);
  await makeFolder(dirname(path), 0o755);
  await writeFileAtomic(path, bytes, { durability: 'content' });
}

function pathOf({ folder }: LayerCache, digest: Digest): string {
  return join(folder, 'records', digestHex(digest));
}
