import { join } from 'node:path';
import { type Digest, digestAlgorithm, digestHex, isDigest } from '@img/spec/digest';
import type { Stamps } from './stamps.ts';

/** Where one layer is, or will be. */
export type LayerPlace = {
  readonly diffId: Digest;
  readonly folder: string;
  /** File names in the folder. */
  readonly archiveName: string;
  readonly indexName: string;
  readonly archivePath: string;
  readonly indexPath: string;
  readonly stamps: Stamps;
  readonly stampName: string;
};

export function layerPlace(folder: string, diffId: Digest, stamps: Stamps): LayerPlace {
  const name = digestFileName(diffId);
  const [archiveName, indexName] = [`${name}.tar`, `${name}.index`];
  return {
    diffId,
    folder,
    archiveName,
    indexName,
    archivePath: join(folder, archiveName),
    indexPath: join(folder, indexName),
    stamps,
    stampName: `layer-${name}`,
  };
}

/** A digest as a file name: overlayfs and mount options give colons a meaning. */
export function digestFileName(digest: Digest): string {
  return `${digestAlgorithm(digest)}-${digestHex(digest)}`;
}

/** The digests among file names that {@link digestFileName} made: sorted, each once. */
export function digestsOf(names: readonly string[]): readonly Digest[] {
  return [...new Set(names.map((name) => name.replace('-', ':')))].filter((text) => isDigest(text)).sort();
}
