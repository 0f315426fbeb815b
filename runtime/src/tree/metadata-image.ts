import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { digestHex } from '@img/spec/digest';
import { maxImageBytes } from '../erofs/plan-image.ts';
import { writeErofs } from '../erofs/write-erofs.ts';
import type { CheckedLayer } from '../layers/check-layer.ts';
import { type CheckedFile, fileIdentity, readFlags } from '../layers/file-identity.ts';
import type { LayerStore } from '../layers/layer-store.ts';
import { Temporary } from '../layers/temporary.ts';
import { RuntimeError } from '../runtime-error.ts';
import { mergeLayers } from './merge-layers.ts';
import type { TreeFiles } from './tree-files.ts';

/** The metadata image of layers, made anew: pure, so the same bytes each time. @throws RuntimeError ENTRY_*, TREE_LIMIT */
export function makeImage(store: LayerStore, layers: readonly CheckedLayer[]): Uint8Array {
  const entries = layers.values().map((layer) => store.readIndex(layer).entries);
  const devices = layers.map(({ diffId, archive }) => {
    return { tag: digestHex(diffId).slice(0, 64), sizeBytes: Number(archive.identity.size) };
  });
  return writeErofs(mergeLayers(entries), devices);
}

/** A metadata image as it is stored. */
export type FoundImage = { readonly file: CheckedFile; readonly bytes: Uint8Array };

/** Stores a metadata image. @returns undefined if there is one already */
export async function writeImage(files: TreeFiles, bytes: Uint8Array): Promise<FoundImage | undefined> {
  await using temporary = await Temporary.file(files.imageFolder);
  await temporary.handle.writeFile(bytes);
  if (!(await temporary.commitNew(files.imageName))) return undefined;
  const identity = fileIdentity(await temporary.handle.stat({ bigint: true }));
  return { file: { path: files.imagePath, identity }, bytes };
}

/** The metadata image that is there; undefined for none. @throws RuntimeError TREE_DAMAGED */
export function readImage(path: string): FoundImage | undefined {
  let descriptor: number;
  try {
    descriptor = openSync(path, readFlags);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT') return undefined;
    throw code === 'ELOOP' ? damagedTree(path, 'it is a symbolic link') : error;
  }
  try {
    // First the identity, then the bytes: a change between the two is noticed when the image is mounted.
    const stats = fstatSync(descriptor, { bigint: true });
    if (!stats.isFile()) throw damagedTree(path, 'it is no file');
    if (stats.size > maxImageBytes) throw damagedTree(path, `it has ${stats.size} bytes`);
    return { file: { path, identity: fileIdentity(stats) }, bytes: readFileSync(descriptor) };
  } finally {
    closeSync(descriptor);
  }
}

export function damagedTree(path: string, problem: string): RuntimeError {
  return new RuntimeError('TREE_DAMAGED', `the tree image ${path} was changed on this host: ${problem}`, {
    hint: 'find out who or what writes to the store; pulling the image again repairs it',
  });
}

export function missingTree(path: string): RuntimeError {
  return new RuntimeError('TREE_MISSING', `the image has no tree on this host: there is no ${path}`, {
    hint: 'pull the image again',
  });
}
