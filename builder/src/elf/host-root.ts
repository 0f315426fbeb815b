import { constants } from 'node:fs';
import { lstat, open, readdir, readlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** A path with every link on the way followed. */
export type Followed = {
  /** Absolute in the root. */
  readonly path: string;
  /** The links that were followed, each by its own real path, with its target as written. */
  readonly links: ReadonlyMap<string, string>;
};

const maxLinks = 40;
const beginningBytes = 512;

/**
 * The file system that programs are taken from: this machine's, or a folder that looks like one. Links are followed
 * inside of it.
 */
export class HostRoot {
  readonly #folder: string;

  /** @param folder `/`, or a folder that stands for it */
  constructor(folder = '/') {
    this.#folder = folder;
  }

  /** Where a path of the root is on this machine. */
  locate(path: string): string {
    return join(this.#folder, path);
  }

  /** The file, folder or whatever a path leads to; undefined if it leads nowhere. */
  async follow(path: string): Promise<Followed | undefined> {
    const links = new Map<string, string>();
    const left = path.split('/').reverse();
    let done = '';
    let followed = 0;
    while (left.length > 0) {
      const part = left.pop() ?? '';
      if (part === '' || part === '.') continue;
      if (part === '..') {
        done = dirname(done || '/').replace(/^\/$/, '');
        continue;
      }
      const next = `${done}/${part}`;
      const status = await lstat(this.locate(next)).catch(() => undefined);
      if (status === undefined) return undefined;
      if (!status.isSymbolicLink()) {
        done = next;
        continue;
      }
      followed += 1;
      if (followed > maxLinks) return undefined;
      const target = await readlink(this.locate(next));
      links.set(next, target);
      if (target.startsWith('/')) done = '';
      left.push(...target.split('/').reverse());
    }
    return { path: done === '' ? '/' : done, links };
  }

  async isFile(path: string): Promise<boolean> {
    const status = await lstat(this.locate(path)).catch(() => undefined);
    return status?.isFile() === true;
  }

  /** Names in a folder, sorted; none if there is no such folder. */
  async list(path: string): Promise<readonly string[]> {
    return (await readdir(this.locate(path)).catch(() => [])).sort();
  }

  /** Opens a file; a link is not followed. */
  async open(path: string) {
    return await open(this.locate(path), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  }

  /** The first bytes of a file, enough for what tells kinds of files apart. */
  async beginningOf(path: string): Promise<Uint8Array> {
    await using file = await this.open(path);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(beginningBytes), 0, beginningBytes, 0);
    return buffer.subarray(0, bytesRead);
  }

  /** The text of a small file; undefined if it is none, or not small. */
  async readSmall(path: string, maxBytes: number): Promise<string | undefined> {
    if (!(await this.isFile(path))) return undefined;
    await using file = await this.open(path);
    const { size } = await file.stat();
    return size > maxBytes ? undefined : await file.readFile('utf8');
  }
}
