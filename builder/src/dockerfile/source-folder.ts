import { readdir, readFile, stat } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { compileGlob } from '../files/glob.ts';

/** The folder that a Dockerfile copies from; only looked at. */
export class SourceFolder {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  /** What is at a path below the folder; undefined for nothing, and for what is neither a file nor a folder. */
  async kindOf(path: string): Promise<'file' | 'folder' | undefined> {
    const status = await stat(join(this.path, path)).catch(() => undefined);
    if (status?.isFile() === true) return 'file';
    return status?.isDirectory() === true ? 'folder' : undefined;
  }

  /** What fits a pattern, whose parts are as in a .dockerignore; sorted. Patterns count in the last part of a path. */
  async find(pattern: string): Promise<readonly string[]> {
    const folder = posix.dirname(pattern);
    const fits = compileGlob(posix.basename(pattern));
    if (fits === undefined || /[*?[]/.test(folder)) return [];
    const names = await readdir(join(this.path, folder)).catch(() => []);
    return names
      .filter((name) => fits(name))
      .sort()
      .map((name) => posix.join(folder, name));
  }

  /** A small text file, such as a list of packages or a script; undefined if there is none. */
  async read(path: string): Promise<string | undefined> {
    const location = join(this.path, path);
    const status = await stat(location).catch(() => undefined);
    if (status?.isFile() !== true || status.size > 4 * 1024 * 1024) return undefined;
    return await readFile(location, 'utf8').catch(() => undefined);
  }
}
