import { lstatSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeErofs } from '../erofs/write-erofs.ts';
import { fileIdentity } from '../layers/file-identity.ts';
import { type MountMethod, mountMethod } from './image-tree.ts';
import { implicitFolder } from './merge-layers.ts';
import type { DirectoryNode } from './tree-node.ts';

const emptyFolder: DirectoryNode = { ...implicitFolder, kind: 'directory', children: new Map() };

/**
 * The best way in which this process can have trees mounted here and now, found out with an empty one; undefined if
 * they have to be laid out as folders. Leaves nothing.
 */
export function tryMount(): MountMethod | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'img-'));
  try {
    const path = join(folder, 'empty.erofs');
    writeFileSync(path, writeErofs(emptyFolder, []));
    const identity = fileIdentity(lstatSync(path, { bigint: true }));
    return mountMethod({ image: { path, identity }, root: emptyFolder, layers: [] });
  } finally {
    rmSync(folder, { recursive: true });
  }
}
