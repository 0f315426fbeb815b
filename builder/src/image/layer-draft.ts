import { quote } from '@img/spec/quote';
import { BuilderError } from '../builder-error.ts';
import type { TarItem } from '../tar/encode-tar.ts';
import type { ImageTree } from './image-tree.ts';
import type { TreeEntry } from './tree-entry.ts';

/** Permissions and owner of what is added to a layer. */
export type Attributes = { readonly mode: number; readonly uid: number; readonly gid: number };

/** A file's content: its size, and how to read it. */
export type DraftContent = {
  readonly sizeBytes: number;
  readonly read: () => Iterable<Uint8Array> | AsyncIterable<Uint8Array>;
};

/** The permissions of folders that nobody described. */
export const usualFolder: Attributes = { mode: 0o755, uid: 0, gid: 0 };

/**
 * A layer on top of an image, as it is put together. Paths go where they lead in the image: what is copied to
 * /lib goes into the folder that the link /lib leads to, instead of replacing the link. The layer lists each
 * folder on the way as it is in the image, because a tar's folders replace what they are laid upon.
 */
export class LayerDraft {
  readonly #tree: ImageTree;
  readonly #mtimeSeconds: number;
  readonly #items = new Map<string, TarItem>();

  /** @param tree the image below; gets what is added */
  constructor(tree: ImageTree, mtimeSeconds: number) {
    this.#tree = tree;
    this.#mtimeSeconds = mtimeSeconds;
  }

  get isEmpty(): boolean {
    return this.#items.size === 0;
  }

  /** What has been added, sorted by path. */
  items(): readonly TarItem[] {
    return [...this.#items.values()].sort((a, b) => (a.entry.path < b.entry.path ? -1 : 1));
  }

  /**
   * Adds a folder; one that is in the image already stays as it is.
   *
   * @param origin how messages name what asks for it
   * @throws BuilderError PATH_CONFLICT
   */
  addFolder(path: string, attributes: Attributes, origin: string): void {
    const place = this.#tree.resolve(path);
    if (place === '') return;
    const found = this.#tree.get(place);
    if (found !== undefined && found.type !== 'directory') throw conflict(origin, place, found);
    this.#add({ path: place, type: 'directory', ...(found ?? attributes) }, origin);
  }

  /** @throws BuilderError PATH_CONFLICT */
  addFile(path: string, attributes: Attributes, content: DraftContent, origin: string): void {
    this.#addLeaf({ path, type: 'file', ...attributes }, origin, content);
  }

  /** @throws BuilderError PATH_CONFLICT */
  addLink(path: string, linkTarget: string, attributes: Omit<Attributes, 'mode'>, origin: string): void {
    this.#addLeaf({ path, type: 'symlink', ...attributes, mode: 0o777, linkTarget }, origin);
  }

  #addLeaf(wanted: TreeEntry, origin: string, content?: DraftContent): void {
    const path = this.#tree.resolveParent(wanted.path);
    const found = this.#tree.get(path);
    if (found?.type === 'directory' || path === '')
      throw conflict(origin, path, found ?? { type: 'directory' });
    this.#add({ ...wanted, path }, origin, content);
  }

  #add(entry: TreeEntry, origin: string, content?: DraftContent): void {
    this.#addParents(entry.path, origin);
    const { type, path, mode, uid, gid, linkTarget } = entry;
    const sizeBytes = content?.sizeBytes ?? 0;
    const link = linkTarget === undefined ? {} : { linkTarget };
    const header = { type, path, mode, uid, gid, mtimeSeconds: this.#mtimeSeconds, sizeBytes, ...link };
    this.#items.set(path, { entry: header, ...(content === undefined ? {} : { content: content.read }) });
    this.#tree.set(entry);
  }

  #addParents(path: string, origin: string): void {
    const slash = path.lastIndexOf('/');
    if (slash < 0) return;
    const parent = path.slice(0, slash);
    if (this.#items.get(parent)?.entry.type !== 'directory') this.addFolder(parent, usualFolder, origin);
  }
}

function conflict(origin: string, path: string, found: Pick<TreeEntry, 'type'>): BuilderError {
  return new BuilderError(
    'PATH_CONFLICT',
    `${origin} can't be at ${quote(`/${path}`)}, which is a ${found.type} in the image`,
  );
}
