import { closeSync, readSync } from 'node:fs';
import { contentPieces } from '../layers/content-pieces.ts';
import { openChecked } from '../layers/file-identity.ts';
import { RuntimeError } from '../runtime-error.ts';
import { type ByteString, byteStringOf, quoteBytes } from '../tar/byte-string.ts';
import type { ImageTree } from './image-tree.ts';
import type { DirectoryNode, FileNode, TreeNode } from './tree-node.ts';

const maxLinks = 40;
const defaultMaxBytes = 1024 * 1024;

/**
 * A small file of an image, such as `/etc/passwd`. Symbolic links are followed within the image, whose root is
 * theirs; nothing of the host is ever looked at but the layers' archives.
 *
 * @returns the content, or undefined if there is no such file
 * @throws RuntimeError TREE_FILE_INVALID for what is no file, is longer than allowed, or is a loop of links;
 *   LAYER_DAMAGED
 */
export function readTreeFile(
  tree: Pick<ImageTree, 'root' | 'layers'>,
  path: string,
  { maxBytes = defaultMaxBytes }: { readonly maxBytes?: number } = {},
): Uint8Array | undefined {
  const node = resolve(tree.root, path);
  if (node === undefined) return undefined;
  if (node.kind !== 'file') throw invalid(path, `is a ${node.kind}, not a file`);
  if (node.size > maxBytes) throw invalid(path, `has ${node.size} bytes, more than the ${maxBytes} allowed`);
  return readContent(tree, node);
}

function readContent({ layers }: Pick<ImageTree, 'layers'>, node: FileNode): Uint8Array {
  const content = Buffer.alloc(node.size);
  const layer = layers[node.layer];
  if (layer === undefined || node.size === 0) return content;
  const archive = openChecked(layer.archive, 'LAYER_DAMAGED');
  try {
    for (const { fileOffset, archiveOffset, size } of contentPieces(node)) {
      readSync(archive, content, fileOffset, size, archiveOffset);
    }
  } finally {
    closeSync(archive);
  }
  return content;
}

/** What a path names within the image, links followed; undefined if there is nothing. */
function resolve(root: DirectoryNode, path: string): TreeNode | undefined {
  const folders: DirectoryNode[] = [root];
  let node: TreeNode = root;
  const names = componentsOf(byteStringOf(path));
  for (let links = 0; names.length > 0; ) {
    if (node.kind !== 'directory') return undefined;
    const name = names.shift() as string;
    if (name === '..' && folders.length > 1) folders.pop();
    const folder = folders.at(-1) ?? root;
    const child = name === '..' ? folder : folder.children.get(name as ByteString);
    if (child === undefined) return undefined;
    node = child;
    if (child.kind === 'directory' && child !== folder) folders.push(child);
    if (child.kind !== 'symlink') continue;
    links += 1;
    if (links > maxLinks) throw invalid(path, `leads through more than ${maxLinks} symbolic links`);
    if (child.target.startsWith('/')) folders.length = 1;
    names.unshift(...componentsOf(child.target));
    node = folders.at(-1) ?? root;
  }
  return node;
}

function componentsOf(path: ByteString): ByteString[] {
  return (path.split('/') as ByteString[]).filter(
    (name) => (name as string) !== '' && (name as string) !== '.',
  );
}

function invalid(path: string, problem: string): RuntimeError {
  return new RuntimeError('TREE_FILE_INVALID', `${quoteBytes(byteStringOf(path))} in the image ${problem}`);
}
