import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  type Stats,
  utimesSync,
  writeFileSync,
} from 'node:fs';

/**
 * The folder that lies over an image's read-only tree: the generated files, and a place for each mount for
 * which the image has none. Folders that the tree has, too, look as there.
 */
export class Skeleton {
  readonly #tree: string;
  readonly #folder: string;
  readonly #times = new Map<string, Stats>();

  /** @param folder empty; becomes the root */
  constructor(tree: string, folder: string) {
    this.#tree = tree;
    this.#folder = folder;
    this.#copyAttributes('', lstatSync(tree));
  }

  /**
   * @param path absolute inside the image, without links
   * @param mode where the tree has no such folder; runc gives it to what is mounted there, whatever that asks for
   */
  addFolder(path: string, mode = 0o755): void {
    let inside = '';
    for (const name of path.split('/').filter((part) => part !== '')) {
      inside = `${inside}/${name}`;
      if (existsSync(`${this.#folder}${inside}`)) continue;
      mkdirSync(`${this.#folder}${inside}`);
      const stat = lstatSync(`${this.#tree}${inside}`, { throwIfNoEntry: false });
      if (stat?.isDirectory() === true) this.#copyAttributes(inside, stat);
      else chmodSync(`${this.#folder}${inside}`, inside === path ? mode : 0o755);
    }
  }

  /** @param path absolute inside the image, without links */
  addFile(path: string, content: Uint8Array): void {
    this.addFolder(path.slice(0, path.lastIndexOf('/')));
    writeFileSync(`${this.#folder}${path}`, content);
    chmodSync(`${this.#folder}${path}`, 0o644);
  }

  /** Sets the times, which every addition changes; the last call. */
  finish(): void {
    for (const [inside, stat] of this.#times) utimesSync(`${this.#folder}${inside}`, stat.atime, stat.mtime);
  }

  #copyAttributes(inside: string, stat: Stats): void {
    chownSync(`${this.#folder}${inside}`, stat.uid, stat.gid);
    chmodSync(`${this.#folder}${inside}`, stat.mode & 0o7777);
    this.#times.set(inside, stat);
  }
}
