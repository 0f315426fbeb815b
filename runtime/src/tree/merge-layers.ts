import { splitEntryPath } from '../layers/entry-path.ts';
import type { LayerEntry } from '../layers/layer-entry.ts';
import { RuntimeError } from '../runtime-error.ts';
import { type ByteString, emptyByteString, quoteBytes } from '../tar/byte-string.ts';
import type { DirectoryNode, NodeMetadata, TreeNode } from './tree-node.ts';

/** Inodes of one image, so that a few bytes of archive can't ask for all the memory. */
const maxNodes = 4_000_000;

/** A folder that can still change. */
type Folder = Omit<DirectoryNode, 'children'> & { readonly children: Map<ByteString, TreeNode> };

/**
 * Puts the layers of an image on top of each other (image-spec, layer.md#applying-changesets), lowest first.
 * Pure, and the same for the same layers.
 *
 * - Whiteouts and opaque folders remove what lower layers have, wherever they stand in their archive.
 * - The rest of a layer applies in the order of its archive: of two members with one path the later one wins. A
 *   folder over a folder takes on the new attributes and keeps what is in it; anything else is replaced.
 * - A folder that no member describes belongs to root with mode 0755 and time 0.
 * - A hard link names a member that is already there, in this layer or a lower one.
 * - Nothing is ever reached through a symbolic link: runtimes differ in where such a member would end up.
 *
 * @throws RuntimeError ENTRY_THROUGH_LINK, ENTRY_LINK_INVALID, TREE_LIMIT
 */
export function mergeLayers(layers: Iterable<readonly LayerEntry[]>): DirectoryNode {
  const merger = new Merger();
  for (const entries of layers) merger.apply(entries);
  return merger.root;
}

/** What a folder is that no layer describes. */
export const implicitFolder: NodeMetadata = {
  mode: 0o755,
  uid: 0,
  gid: 0,
  mtimeSeconds: 0,
  mtimeNanoseconds: 0,
  xattrs: undefined,
};

class Merger {
  root: Folder = { ...implicitFolder, kind: 'directory', children: new Map() };
  #layer = -1;
  #nodes = 1;
  /** The folder of the entry before, because archives have the members of a folder together. */
  #lastPath: ByteString = emptyByteString;
  #lastFolder: Folder = this.root;

  apply(entries: readonly LayerEntry[]): void {
    this.#layer += 1;
    const removals = entries.filter(isRemoval);
    for (const entry of removals) this.#remove(entry);
    this.#forgetFolder();
    for (const entry of entries) if (!isRemoval(entry)) this.#add(entry);
    // Only now is it known whether the folders on the way are folders.
    for (const entry of removals) this.#checkRemoval(entry);
  }

  #remove({ kind, path }: LayerEntry): void {
    if (kind === 'opaque') {
      const node = this.#find(path);
      if (node?.kind === 'directory') (node as Folder).children.clear();
      return;
    }
    const [folderPath, name] = splitEntryPath(path);
    const folder = this.#find(folderPath);
    if (folder?.kind === 'directory') (folder as Folder).children.delete(name);
  }

  #checkRemoval({ kind, path }: LayerEntry): void {
    const folder = kind === 'opaque' ? path : splitEntryPath(path)[0];
    let node: TreeNode = this.root;
    for (const name of components(folder)) {
      if (node.kind !== 'directory') throw this.#throughLink(path, node);
      const child = node.children.get(name);
      if (child === undefined) return;
      node = child;
    }
    if (node.kind !== 'directory') throw this.#throughLink(path, node);
  }

  #add(entry: LayerEntry): void {
    if (entry.path === '') {
      this.root = { ...metadata(entry), kind: 'directory', children: this.root.children };
      this.#forgetFolder();
      return;
    }
    const [folderPath, name] = splitEntryPath(entry.path);
    const folder = this.#folder(folderPath, entry.path);
    const before = folder.children.get(name);
    const node = this.#node(entry, before);
    // A folder that is described again is a new node, and one that is replaced is gone with all in it.
    if (before?.kind === 'directory') this.#forgetFolder();
    folder.children.set(name, node);
  }

  #node(entry: LayerEntry, before: TreeNode | undefined): TreeNode {
    if (entry.kind === 'hardlink') return this.#linked(entry);
    this.#count();
    const common = metadata(entry);
    switch (entry.kind) {
      case 'directory':
        return {
          ...common,
          kind: 'directory',
          children: before?.kind === 'directory' ? before.children : new Map(),
        };
      case 'file': {
        const { size, contentOffset, sparse } = entry;
        return { ...common, kind: 'file', size, layer: this.#layer, contentOffset, sparse };
      }
      case 'symlink':
        return { ...common, kind: 'symlink', target: entry.linkTarget };
      case 'character-device':
      case 'block-device':
        return { ...common, kind: entry.kind, major: entry.deviceMajor, minor: entry.deviceMinor };
      default:
        return { ...common, kind: 'fifo' };
    }
  }

  #linked({ path, linkTarget }: LayerEntry): TreeNode {
    const target = path === linkTarget ? undefined : this.#find(linkTarget);
    if (target !== undefined && target.kind !== 'directory') return target;
    const problem = target === undefined ? 'is not there before it' : 'is a folder';
    throw new RuntimeError(
      'ENTRY_LINK_INVALID',
      `layer ${this.#layer + 1} of the image has the hard link ${quoteBytes(path)} to ${quoteBytes(linkTarget)}, which ${problem}`,
    );
  }

  /** What is at a path; links are not followed. */
  #find(path: ByteString): TreeNode | undefined {
    let node: TreeNode | undefined = this.root;
    for (const name of components(path)) {
      if (node?.kind !== 'directory') return undefined;
      node = node.children.get(name);
    }
    return node;
  }

  /** The folder at a path, made with its parents where nothing is there. */
  #folder(path: ByteString, entryPath: ByteString): Folder {
    if (path === this.#lastPath) return this.#lastFolder;
    let folder = this.root;
    for (const name of components(path)) {
      let child = folder.children.get(name);
      if (child === undefined) {
        this.#count();
        child = { ...implicitFolder, kind: 'directory', children: new Map() };
        folder.children.set(name, child);
      }
      if (child.kind !== 'directory') throw this.#throughLink(entryPath, child);
      folder = child as Folder;
    }
    this.#lastPath = path;
    this.#lastFolder = folder;
    return folder;
  }

  #forgetFolder(): void {
    this.#lastPath = emptyByteString;
    this.#lastFolder = this.root;
  }

  #count(): void {
    this.#nodes += 1;
    if (this.#nodes <= maxNodes) return;
    throw new RuntimeError('TREE_LIMIT', `the image has more than the ${maxNodes} files and folders allowed`);
  }

  #throughLink(path: ByteString, node: TreeNode): RuntimeError {
    const what = node.kind === 'symlink' ? `symbolic link to ${quoteBytes(node.target)}` : node.kind;
    return new RuntimeError(
      'ENTRY_THROUGH_LINK',
      `layer ${this.#layer + 1} of the image has ${quoteBytes(path)}, which leads through a ${what}`,
      { hint: 'runtimes disagree on what such an image means; build it with the real path of the folder' },
    );
  }
}

function isRemoval({ kind }: LayerEntry): boolean {
  return kind === 'whiteout' || kind === 'opaque';
}

function components(path: ByteString): readonly ByteString[] {
  return path === '' ? [] : (path.split('/') as ByteString[]);
}

function metadata(entry: LayerEntry): NodeMetadata {
  const { mode, uid, gid, mtimeSeconds, mtimeNanoseconds, xattrs } = entry;
  return { mode, uid, gid, mtimeSeconds, mtimeNanoseconds, xattrs };
}
