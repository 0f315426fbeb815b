import { bytesOf } from '@img/runtime/tar/byte-string';
import type { Digest } from '@img/spec/digest';
import { quote } from '@img/spec/quote';
import { treeNotes } from '../base/base-notes.ts';
import { BuilderError } from '../builder-error.ts';
import { ImageTree } from '../image/image-tree.ts';
import { unpackTreeEntry } from '../image/tree-entry.ts';
import { findPackages, isPackageList } from './find-packages.ts';
import type { FoundFile, FoundPackage, Inventory } from './inventory.ts';
import { layerContents } from './layer-contents.ts';

/** A layer of an image. */
export type InventoryLayer = {
  readonly diffId: Digest;
  /** Its tar, uncompressed. */
  readonly open: () => AsyncIterable<Uint8Array>;
};

const systemFiles = ['etc/os-release', 'usr/lib/os-release'];

/**
 * What is in an image, by what its own files say: the databases of package managers, and what Python, Node.js and
 * Java packages say of themselves.
 *
 * @param layers lowest first
 * @param isHashing whether the content of all files is hashed
 * @throws BuilderError BASE_INVALID; what the layers throw
 */
export async function readInventory(
  layers: readonly InventoryLayer[],
  { isHashing = false }: { readonly isHashing?: boolean } = {},
): Promise<Inventory> {
  const tree = new ImageTree();
  const packages = new Map<string, readonly FoundPackage[]>();
  const files = new Map<string, FoundFile>();
  let release = '';
  for (const { diffId, open } of layers) {
    const isWanted = (path: string) => isPackageList(path) || systemFiles.includes(path);
    const contents = await layerContents(open(), { what: `layer ${diffId}`, isWanted, isHashing });
    if (contents.diffId !== diffId) {
      throw new BuilderError('BASE_INVALID', `layer ${quote(diffId)} unpacks to ${contents.diffId}`);
    }
    const notes = treeNotes(contents.entries);
    tree.addLayer(
      notes.entries.flatMap((entry) => unpackTreeEntry(entry) ?? []),
      notes,
      diffId,
    );
    for (const { kind, path: bytes, size } of contents.entries) {
      const path = bytesOf(bytes).toString('utf8');
      if (kind === 'file') {
        files.set(path, { sizeBytes: size, layer: diffId, digest: contents.digests.get(path) });
      }
      if (kind === 'file' && path.endsWith('.jar')) packages.set(path, findPackages(path, undefined, diffId));
    }
    for (const [path, bytes] of contents.files) {
      if (systemFiles.includes(path)) release ||= bytes.toString('utf8');
      else packages.set(path, findPackages(path, bytes, diffId));
    }
  }
  const isThere = ([path]: readonly [string, unknown]) => tree.get(path)?.type === 'file';
  return {
    system: systemOf(release),
    packages: [...packages]
      .filter(isThere)
      .flatMap(([, found]) => found)
      .sort(byName),
    files: new Map([...files].filter(isThere)),
  };
}

function systemOf(release: string): Inventory['system'] {
  const value = (key: string) => new RegExp(`^${key}="?([^"\\n]*)"?$`, 'm').exec(release)?.[1];
  const id = value('ID');
  return id === undefined ? undefined : { id, version: value('VERSION_ID') ?? '' };
}

function byName(a: FoundPackage, b: FoundPackage): number {
  const key = ({ type, name, version, path }: FoundPackage) => [type, name, version, path].join('\0');
  return key(a) < key(b) ? -1 : 1;
}
