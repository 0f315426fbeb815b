import { closeSync } from 'node:fs';
import type { CheckedLayer } from '../layers/check-layer.ts';
import { type CheckedFile, openChecked } from '../layers/file-identity.ts';
import { openLoopDevice } from '../linux/loop-device.ts';
import { mount, mountFlags } from '../linux/mount.ts';
import {
  type FileSystemRequest,
  mountAttributes,
  mountFileSystem,
  openFileSystem,
} from '../linux/mount-file-system.ts';
import { restrictMount } from '../linux/restrict-mount.ts';
import { RuntimeError } from '../runtime-error.ts';
import type { Tree, TreeMethod } from './tree.ts';
import type { DirectoryNode } from './tree-node.ts';

/** How the kernel mounts a metadata image. */
export type MountMethod = Exclude<TreeMethod, 'checkout'>;

/** What a tree consists of; everything in it was checked. */
export type TreeParts = {
  /** The metadata image. */
  readonly image: CheckedFile;
  /** The same, read. */
  readonly root: DirectoryNode;
  /** Lowest first; their archives hold the contents. */
  readonly layers: readonly CheckedLayer[];
};

/** The checked file system of an image of this host. */
export class ImageTree implements Tree {
  readonly method: TreeMethod;
  readonly root: DirectoryNode;
  readonly layers: readonly CheckedLayer[];
  readonly #mount: (target: string) => void;

  private constructor(method: TreeMethod, { root, layers }: TreeParts, mountAt: (target: string) => void) {
    this.method = method;
    this.root = root;
    this.layers = layers;
    this.#mount = mountAt;
  }

  /** A tree whose metadata image the kernel mounts. */
  static mounted(parts: TreeParts, method: MountMethod): ImageTree {
    return new ImageTree(method, parts, (target) => {
      withErofsOptions(parts, method, (options) => mountFileSystem({ ...erofsRequest, options, target }));
    });
  }

  /** A tree that was laid out as a folder. */
  static checkout(parts: TreeParts, folder: string): ImageTree {
    return new ImageTree('checkout', parts, (target) => {
      mount({ source: folder, target, flags: mountFlags.bind });
      restrictMount(target, mountAttributes.readOnly | mountAttributes.noDev);
    });
  }

  /**
   * Mounts the tree read-only, without devices, at an empty folder.
   *
   * @throws RuntimeError LAYER_DAMAGED, TREE_DAMAGED if a file was touched since the check; SYSTEM_CALL_FAILED
   */
  mount(target: string): void {
    this.#mount(target);
  }
}

/** The best way in which the kernel mounts this very image here and now; undefined for none. Leaves nothing. */
export function mountMethod(parts: TreeParts): MountMethod | undefined {
  return (['erofs', 'loop'] as const).find((method) => isMountable(parts, method));
}

function isMountable(parts: TreeParts, method: MountMethod): boolean {
  try {
    withErofsOptions(parts, method, (options) => closeSync(openFileSystem({ ...erofsRequest, options })));
    return true;
  } catch (error) {
    if (error instanceof RuntimeError && error.code === 'SYSTEM_CALL_FAILED') return false;
    throw error;
  }
}

const erofsRequest = {
  type: 'erofs',
  attributes: mountAttributes.readOnly | mountAttributes.noDev,
} as const;

/**
 * The files of a tree as mount options. They are opened here and checked to be the same ones, and the kernel is
 * given what is open: what stands at their paths a moment later does not matter, nor how long the paths are. Loop
 * devices go with the mount that is made of them, or with this process.
 */
function withErofsOptions(
  { image, layers }: TreeParts,
  method: MountMethod,
  use: (options: FileSystemRequest['options']) => void,
): void {
  const descriptors: number[] = [];
  const keep = (descriptor: number) => {
    descriptors.push(descriptor);
    return descriptor;
  };
  const open = (file: CheckedFile, code: 'TREE_DAMAGED' | 'LAYER_DAMAGED') => {
    const opened = keep(openChecked(file, code));
    return `/proc/self/fd/${method === 'loop' ? keep(openLoopDevice(opened)) : opened}`;
  };
  try {
    use([
      // Of the file system, not only of the mount: else the kernel wants to write to the device.
      ['ro', undefined],
      ['source', open(image, 'TREE_DAMAGED')],
      ...layers.map(({ archive }) => ['device', open(archive, 'LAYER_DAMAGED')] as const),
    ]);
  } finally {
    for (const descriptor of descriptors) closeSync(descriptor);
  }
}
