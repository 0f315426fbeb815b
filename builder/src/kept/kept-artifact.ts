import { decompress } from '@img/registry/compression/decompress';
import { collect } from '@img/spec/collect';
import type { Digest } from '@img/spec/digest';
import { BuilderError } from '../builder-error.ts';
import type { PackageNotes } from '../layers/package-layers.ts';
import type { LayerBlob } from '../layers/write-layer.ts';

/*
 * What is kept of the packages of one platform: an artifact whose first layer holds records, the layers of the packages
 * next, as an image has them, and then the packages themselves. Its digest in img.lock vouches for all of it.
 */
export const keptMediaTypes = {
  artifact: 'application/vnd.img.packages.v1',
  records: 'application/vnd.img.packages.records.v2+json+zstd',
  package: 'application/vnd.debian.binary-package',
} as const;

/** What is known of a package's layer, without reading it. */
export type PackageRecord = LayerBlob & { readonly notes: PackageNotes };

export type KeptRecords = {
  /** By the digest of the package. */
  readonly packages: ReadonlyMap<Digest, PackageRecord>;
  /** The layers that an image has of them, lowest first. */
  readonly layers: readonly LayerBlob[];
};

// Those of an image with a hundred packages have about 2 MB.
const maxBytes = 256 * 1024 * 1024;

export function encodeRecords({ packages, layers }: KeptRecords): Uint8Array {
  return new TextEncoder().encode(JSON.stringify({ packages: [...packages], layers }));
}

/**
 * Reads what `encodeRecords` wrote, compressed with zstd. Whoever calls has checked that it is what a lock names.
 *
 * @throws BuilderError LOCK_OUTDATED if another version of img wrote it
 */
export async function parseRecords(packed: Uint8Array): Promise<KeptRecords> {
  const plain = decompress(once(packed), { compression: 'zstd', maxBytes });
  const text = Buffer.from(await collect(plain, maxBytes, 'records of packages')).toString();
  const value = JSON.parse(text) as { packages?: unknown; layers?: unknown };
  if (!Array.isArray(value.packages) || !Array.isArray(value.layers)) {
    throw new BuilderError('LOCK_OUTDATED', 'another version of img has kept the packages of img.lock', {
      hint: 'keep them again with img lock --keep',
    });
  }
  const packages = new Map(value.packages as [Digest, PackageRecord][]);
  return { packages, layers: value.layers as LayerBlob[] };
}

export async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
