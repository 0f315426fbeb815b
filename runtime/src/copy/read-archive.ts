import { entryPath } from '../layers/entry-path.ts';
import { RuntimeError } from '../runtime-error.ts';
import { type ByteString, emptyByteString, quoteBytes } from '../tar/byte-string.ts';
import type { TarEntry } from '../tar/tar-entry.ts';
import { TarReader } from '../tar/tar-reader.ts';
import { type CopyItem, noContent, type OnLeftOut } from './copy-item.ts';

/**
 * Reads a tar archive as it comes, in any format of {@link TarReader} but sparse ones.
 *
 * @throws RuntimeError ARCHIVE_*, ENTRY_PATH_INVALID
 */
export async function* readArchive(
  archive: AsyncIterable<Uint8Array>,
  onLeftOut: OnLeftOut,
): AsyncGenerator<CopyItem> {
  const pieces = new ArchivePieces(archive);
  for (let entry = await pieces.nextEntry(); entry !== undefined; entry = await pieces.nextEntry()) {
    const path = entryPath(entry.path);
    const kind = kinds[entry.kind];
    if (kind === undefined) onLeftOut(path, entry.kind === 'fifo' ? 'a pipe' : 'a device');
    else yield itemOf(entry, path, kind, pieces);
  }
}

const kinds: { readonly [kind in TarEntry['kind']]: CopyItem['kind'] | undefined } = {
  file: 'file',
  directory: 'folder',
  symlink: 'link',
  hardlink: 'same',
  'character-device': undefined,
  'block-device': undefined,
  fifo: undefined,
};

function itemOf(entry: TarEntry, path: ByteString, kind: CopyItem['kind'], pieces: ArchivePieces): CopyItem {
  const { mode, uid, gid, mtimeSeconds, mtimeNanoseconds, size, sparse, linkTarget } = entry;
  if (sparse !== undefined) {
    throw new RuntimeError('ARCHIVE_UNSUPPORTED', `${quoteBytes(path)} is a sparse file in the archive`, {
      hint: 'make the archive without --sparse',
    });
  }
  const target = kind === 'same' ? entryPath(linkTarget) : kind === 'link' ? linkTarget : emptyByteString;
  return {
    ...{ path, kind, mode, uid, gid, mtimeSeconds, mtimeNanoseconds, target },
    sizeBytes: size,
    content: kind === 'file' ? () => pieces.content(entry) : noContent,
  };
}

/** The bytes of an archive, read on as its entries and their contents are asked for. */
class ArchivePieces {
  readonly #pieces: AsyncIterator<Uint8Array>;
  readonly #entries: TarEntry[] = [];
  readonly #reader = new TarReader((entry) => this.#entries.push(entry));
  /** What was read last, and where in the archive it begins. */
  #piece: Uint8Array = new Uint8Array();
  #offset = 0;
  #isOver = false;

  constructor(archive: AsyncIterable<Uint8Array>) {
    this.#pieces = archive[Symbol.asyncIterator]();
  }

  async nextEntry(): Promise<TarEntry | undefined> {
    while (this.#entries.length === 0 && !this.#isOver) await this.#advance();
    return this.#entries.shift();
  }

  async *content({ contentOffset, size }: TarEntry): AsyncGenerator<Uint8Array> {
    const end = contentOffset + size;
    for (let at = contentOffset; at < end; ) {
      const from = at - this.#offset;
      const found = this.#piece.subarray(from, Math.min(this.#piece.length, end - this.#offset));
      if (found.length > 0) {
        at += found.length;
        yield found;
      } else {
        await this.#advance();
      }
    }
  }

  // Small pieces, so that few entries wait and the content of each is still there when it is asked for.
  async #advance(): Promise<void> {
    const { done, value } = await this.#pieces.next();
    if (done === true) {
      this.#isOver = true;
      this.#reader.end();
      return;
    }
    this.#offset += this.#piece.length;
    this.#piece = value;
    this.#reader.push(value);
  }
}
