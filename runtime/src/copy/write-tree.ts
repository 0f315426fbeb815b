import {
  type BigIntStats,
  closeSync,
  constants,
  linkSync,
  lstatSync,
  mkdirSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { lchown, open, rename } from 'node:fs/promises';
import { setFileTime } from '../linux/file-node.ts';
import { openFolderBeneath } from '../linux/open-inside.ts';
import { hasErrno } from '../linux/system-call.ts';
import { RuntimeError } from '../runtime-error.ts';
import { type ByteString, byteStringOf, bytesOf, emptyByteString, quoteBytes } from '../tar/byte-string.ts';
import type { CopyItem } from './copy-item.ts';
import { pathIn } from './copy-place.ts';
import { sweepUnfinishedFiles, unfinishedFileName } from './unfinished-files.ts';

export type WriteTreeOptions = {
  /** Who owns what is made; each item says it itself if not given. */
  readonly owner?: { readonly uid: number; readonly gid: number };
  /** The permission bits that are kept. */
  readonly modeMask: number;
  readonly signal?: AbortSignal;
};

const newFile = constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY | constants.O_NOFOLLOW;
const existingFolder = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;

/**
 * Makes files, folders and links in an open folder. No link that is there, or that is made meanwhile, is followed; a
 * file or link takes the place of another one as a whole, and a folder that is there stays as it is. What a killed copy
 * left half-written in the same folders is removed.
 *
 * @param base descriptor of the folder
 * @param top the name that the item with the empty path gets there; empty if it is the folder itself
 * @throws RuntimeError COPY_REFUSED; errors of the file system; the reason of the signal
 */
export async function writeTree(
  items: AsyncIterable<CopyItem>,
  base: number,
  top: ByteString,
  options: WriteTreeOptions,
): Promise<void> {
  const writer = new TreeWriter(base, options);
  for await (const item of items) {
    options.signal?.throwIfAborted();
    const path = [top, item.path].filter((part) => part !== '').join('/') as ByteString;
    if (path !== '')
      await writer.write(item, path, [top, item.target].filter((part) => part !== '').join('/'));
    else if (item.kind !== 'folder')
      throw new RuntimeError('COPY_REFUSED', 'only a folder can be copied into one without a name');
  }
  writer.finish();
}

class TreeWriter {
  readonly #base: number;
  readonly #options: WriteTreeOptions;
  // Set at the end, because everything that is made in a folder changes its time.
  readonly #folders: (readonly [path: ByteString, item: CopyItem])[] = [];
  readonly #swept = new Set<ByteString>();

  constructor(base: number, options: WriteTreeOptions) {
    this.#base = base;
    this.#options = options;
  }

  async write(item: CopyItem, path: ByteString, earlier: string): Promise<void> {
    const [parent, name] = splitAtEnd(path);
    const folder = this.#openFolder(parent);
    try {
      if (!this.#swept.has(parent)) sweepUnfinishedFiles(pathIn(folder, emptyByteString));
      this.#swept.add(parent);
      if (item.kind === 'folder') await this.#makeFolder(folder, name, path, item);
      else
        await this.#place(folder, name, path, (temporary) =>
          this.#make(item, folder, temporary, earlier as ByteString),
        );
    } finally {
      closeSync(folder);
    }
  }

  finish(): void {
    for (const [path, { mtimeSeconds, mtimeNanoseconds }] of this.#folders.toReversed()) {
      const folder = this.#openFolder(path);
      try {
        setFileTime(pathIn(folder, emptyByteString), mtimeSeconds, mtimeNanoseconds);
      } finally {
        closeSync(folder);
      }
    }
  }

  // Archives need not name folders before what is in them.
  #openFolder(path: ByteString): number {
    try {
      return openFolderBeneath(this.#base, bytesOf(path));
    } catch (cause) {
      if (hasErrno(cause, 'ENOENT') && path !== '') {
        const [parent, name] = splitAtEnd(path);
        const folder = this.#openFolder(parent);
        try {
          mkdirSync(pathIn(folder, name), { mode: 0o755 });
        } finally {
          closeSync(folder);
        }
        return openFolderBeneath(this.#base, bytesOf(path));
      }
      if (hasErrno(cause, 'ELOOP', 'ENOTDIR', 'EXDEV')) {
        throw new RuntimeError(
          'COPY_REFUSED',
          `${quoteBytes(path)} is a link or a file where a folder should be`,
          {
            cause,
            hint: 'links in the place that is copied to are not followed; name the folder that it leads to',
          },
        );
      }
      throw cause;
    }
  }

  async #makeFolder(folder: number, name: ByteString, path: ByteString, item: CopyItem): Promise<void> {
    const found = this.#look(folder, name);
    if (found?.isDirectory() === true) return;
    if (found !== undefined) throw inTheWay(path, 'a folder');
    mkdirSync(pathIn(folder, name), { mode: 0o700 });
    await using made = await open(pathIn(folder, name), existingFolder);
    const { uid, gid } = this.#options.owner ?? item;
    await made.chown(uid, gid);
    await made.chmod(item.mode & this.#options.modeMask);
    this.#folders.push([path, item]);
  }

  async #place(
    folder: number,
    name: ByteString,
    path: ByteString,
    make: (temporary: ByteString) => Promise<void>,
  ): Promise<void> {
    if (this.#look(folder, name)?.isDirectory() === true) throw inTheWay(path, 'a file');
    const temporary = byteStringOf(unfinishedFileName());
    try {
      await make(temporary);
      await rename(pathIn(folder, temporary), pathIn(folder, name));
    } catch (error) {
      rmSync(pathIn(folder, temporary), { force: true });
      throw error;
    }
  }

  async #make(item: CopyItem, folder: number, temporary: ByteString, earlier: ByteString): Promise<void> {
    const path = pathIn(folder, temporary);
    if (item.kind === 'same') return this.#linkTo(earlier, path);
    const { uid, gid } = this.#options.owner ?? item;
    if (item.kind === 'link') {
      symlinkSync(bytesOf(item.target), path);
      await lchown(path, uid, gid);
    } else {
      await using file = await open(path, newFile, 0o600);
      for await (const piece of item.content()) {
        this.#options.signal?.throwIfAborted();
        await file.writeFile(piece);
      }
      await file.chown(uid, gid);
      await file.chmod(item.mode & this.#options.modeMask);
    }
    setFileTime(path, item.mtimeSeconds, item.mtimeNanoseconds);
  }

  #linkTo(earlier: ByteString, path: Buffer): void {
    const [parent, name] = splitAtEnd(earlier);
    const folder = this.#openFolder(parent);
    try {
      linkSync(pathIn(folder, name), path);
    } finally {
      closeSync(folder);
    }
  }

  #look(folder: number, name: ByteString): BigIntStats | undefined {
    return lstatSync(pathIn(folder, name), { bigint: true, throwIfNoEntry: false });
  }
}

function inTheWay(path: ByteString, what: string): RuntimeError {
  return new RuntimeError('COPY_REFUSED', `${quoteBytes(path)} is there already, and can't become ${what}`);
}

function splitAtEnd(path: ByteString): readonly [parent: ByteString, name: ByteString] {
  const slash = path.lastIndexOf('/');
  return [path.slice(0, Math.max(slash, 0)) as ByteString, path.slice(slash + 1) as ByteString];
}
