import { quote } from '@img/spec/quote';
import { BuilderError } from '../builder-error.ts';
import type { TreeEntry } from './tree-entry.ts';

const maxLinks = 40;

/** The paths of an image as they come together from its layers, lowest first. */
export class ImageTree {
  readonly #entries = new Map<string, { readonly entry: TreeEntry; readonly origin: string }>();

  get(path: string): TreeEntry | undefined {
    return this.#entries.get(path)?.entry;
  }

  /**
   * Adds the entries of a package. Packages must not disagree about a path: which of them won would depend on
   * the order of layers. Folders and links that are the same in both may be in both.
   *
   * @param origin how messages name the package
   * @throws BuilderError PATH_CONFLICT
   */
  addPackage(entries: Iterable<TreeEntry>, origin: string): void {
    for (const entry of entries) {
      const found = this.#entries.get(entry.path);
      if (found === undefined) {
        this.#checkParent(entry, origin);
        this.#entries.set(entry.path, { entry, origin });
      } else if (!isSame(found.entry, entry)) {
        const path = quote(`/${entry.path}`);
        throw new BuilderError(
          'PATH_CONFLICT',
          `${quote(found.origin)} and ${quote(origin)} both have ${path}`,
          {
            hint: "packages that replace files of each other can't be in one image; leave one of them out",
          },
        );
      }
    }
  }

  /**
   * Lays a layer of an image upon what is there (image-spec, layer.md#applying-changesets): first it takes away,
   * then it adds.
   *
   * @param removed paths that go with all that is below them
   * @param emptied folders that lose what is below them
   */
  addLayer(
    entries: readonly TreeEntry[],
    { removed, emptied }: { readonly removed: readonly string[]; readonly emptied: readonly string[] },
    origin: string,
  ): void {
    const gone = new Set(removed);
    const empty = new Set(emptied);
    for (const { path, type } of entries) {
      if (type !== 'directory' && this.get(path)?.type === 'directory') empty.add(path);
    }
    if (gone.size > 0 || empty.size > 0) {
      for (const path of [...this.#entries.keys()]) {
        if (gone.has(path) || foldersOf(path).some((folder) => gone.has(folder) || empty.has(folder))) {
          this.#entries.delete(path);
        }
      }
    }
    for (const entry of entries) this.#entries.set(entry.path, { entry, origin });
  }

  /** Adds or replaces a path, as a layer on top of the others does. */
  set(entry: TreeEntry): void {
    this.#entries.set(entry.path, { entry, origin: 'a layer on top' });
  }

  /** The names in a folder. */
  namesIn(folder: string): readonly string[] {
    const prefix = folder === '' ? '' : `${folder}/`;
    return [...this.#entries.keys()]
      .filter((path) => path.startsWith(prefix) && !path.includes('/', prefix.length))
      .map((path) => path.slice(prefix.length));
  }

  /** A path with the links on the way to it followed, not the one that may be at its end. */
  resolveParent(path: string): string {
    const slash = path.lastIndexOf('/');
    const parent = this.resolve(slash < 0 ? '' : path.slice(0, slash));
    return parent === '' ? path.slice(slash + 1) : `${parent}/${path.slice(slash + 1)}`;
  }

  /**
   * A path with all links followed, as the kernel does it inside of the image. It need not exist.
   *
   * @throws BuilderError PATH_CONFLICT if the links go in circles
   */
  resolve(path: string): string {
    const done: string[] = [];
    const left = path.split('/').reverse();
    for (let links = 0; left.length > 0; ) {
      const part = left.pop() ?? '';
      if (part === '' || part === '.') continue;
      if (part === '..') {
        done.pop();
        continue;
      }
      const entry = this.get([...done, part].join('/'));
      const target = entry?.linkTarget;
      // Another name of a file leads nowhere else.
      if (target === undefined || entry?.type !== 'symlink') {
        done.push(part);
        continue;
      }
      links += 1;
      if (links > maxLinks) {
        throw new BuilderError(
          'PATH_CONFLICT',
          `the links at ${quote(`/${path}`)} in the image go in circles`,
        );
      }
      if (target.startsWith('/')) done.length = 0;
      left.push(...target.split('/').reverse());
    }
    return done.join('/');
  }

  // A package's own layer is consistent, so it is enough to look where packages meet.
  #checkParent({ path }: TreeEntry, origin: string): void {
    const slash = path.lastIndexOf('/');
    const parent = slash < 0 ? undefined : this.#entries.get(path.slice(0, slash));
    if (parent === undefined || parent.entry.type === 'directory') return;
    const { entry } = parent;
    throw new BuilderError(
      'PATH_CONFLICT',
      `${quote(origin)} has ${quote(`/${path}`)} below ${quote(`/${entry.path}`)}, which is a ${entry.type} of ${quote(parent.origin)}`,
    );
  }
}

function isSame(a: TreeEntry, b: TreeEntry): boolean {
  if (a.type !== b.type) return false;
  if (a.type === 'symlink') return a.linkTarget === b.linkTarget;
  return a.type === 'directory' && a.mode === b.mode && a.uid === b.uid && a.gid === b.gid;
}

/** The folders that a path is in, the nearest first. */
function foldersOf(path: string): readonly string[] {
  const result: string[] = [];
  for (let slash = path.lastIndexOf('/'); slash > 0; slash = path.lastIndexOf('/', slash - 1)) {
    result.push(path.slice(0, slash));
  }
  return result;
}
