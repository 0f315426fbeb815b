import { createHash } from 'node:crypto';
import type { Digest } from '@img/spec/digest';
import { RuntimeError } from '../runtime-error.ts';
import { type ByteString, emptyByteString } from '../tar/byte-string.ts';
import { tarBlockBytes } from '../tar/tar-header.ts';
import { indexFlags, indexKinds, indexMagic, indexVersion } from './index-format.ts';
import type { LayerEntry } from './layer-entry.ts';

/** Longest index, and longest paths together: so much a hostile archive can make us keep in memory. */
const maxIndexBytes = 64 * 1024 * 1024;
const maxPathBytes = 256 * 1024 * 1024;

/** Builds the index of a layer entry by entry; the format is described in index-format.ts. */
export class IndexWriter {
  #bytes = Buffer.allocUnsafe(64 * 1024);
  #length = 0;
  #entries = 0;
  #pathBytes = 0;
  #lastPath: ByteString = emptyByteString;

  /** @throws RuntimeError ARCHIVE_LIMIT */
  add(entry: LayerEntry): void {
    const isRemoval = entry.kind === 'whiteout' || entry.kind === 'opaque';
    const flags =
      (entry.mtimeNanoseconds === 0 ? 0 : indexFlags.nanoseconds) |
      (entry.sparse === undefined ? 0 : indexFlags.sparse) |
      (entry.xattrs === undefined ? 0 : indexFlags.xattrs);
    this.#byte(indexKinds.indexOf(entry.kind) | (isRemoval ? 0 : flags));
    this.#path(entry.path);
    if (!isRemoval) this.#metadata(entry);
    this.#entries += 1;
    this.#pathBytes += entry.path.length;
    if (this.#length > maxIndexBytes || this.#pathBytes > maxPathBytes) {
      throw new RuntimeError(
        'ARCHIVE_LIMIT',
        `the archive has more than the ${maxIndexBytes} bytes of metadata or ${maxPathBytes} bytes of paths allowed`,
      );
    }
  }

  /** The whole index, once all entries are added. */
  finish({ diffId, tarBytes }: { readonly diffId: Digest; readonly tarBytes: number }): Uint8Array {
    const entries = this.#bytes.subarray(0, this.#length);
    const count = this.#entries;
    this.#bytes = Buffer.allocUnsafe(1024);
    this.#length = 0;
    this.#append(indexMagic);
    this.#byte(indexVersion);
    this.#text(diffId as string as ByteString);
    this.#number(tarBytes);
    this.#number(count);
    this.#append(entries);
    this.#append(createHash('sha256').update(this.#bytes.subarray(0, this.#length)).digest());
    return this.#bytes.subarray(0, this.#length);
  }

  #metadata(entry: LayerEntry): void {
    for (const value of [entry.mode, entry.uid, entry.gid, entry.mtimeSeconds]) this.#number(value);
    if (entry.mtimeNanoseconds !== 0) this.#number(entry.mtimeNanoseconds);
    switch (entry.kind) {
      case 'file':
        this.#content(entry);
        break;
      case 'symlink':
      case 'hardlink':
        this.#text(entry.linkTarget);
        break;
      case 'character-device':
      case 'block-device':
        this.#number(entry.deviceMajor);
        this.#number(entry.deviceMinor);
        break;
      default:
        break;
    }
    if (entry.xattrs === undefined) return;
    this.#number(entry.xattrs.size);
    for (const [name, value] of entry.xattrs) {
      this.#text(name);
      this.#number(value.length);
      this.#append(value);
    }
  }

  #content({ size, contentOffset, sparse }: LayerEntry): void {
    this.#number(size);
    this.#number(contentOffset / tarBlockBytes);
    if (sparse === undefined) return;
    this.#number(sparse.length);
    for (const piece of sparse) {
      this.#number(piece.fileOffset);
      this.#number(piece.size);
    }
  }

  #path(path: ByteString): void {
    const last = this.#lastPath;
    const longest = Math.min(last.length, path.length);
    let same = 0;
    while (same < longest && last.charCodeAt(same) === path.charCodeAt(same)) same += 1;
    this.#number(same);
    this.#text(path.slice(same) as ByteString);
    this.#lastPath = path;
  }

  #text(value: ByteString): void {
    this.#number(value.length);
    this.#reserve(value.length);
    this.#length += this.#bytes.write(value, this.#length, 'latin1');
  }

  #number(value: number): void {
    let rest = value;
    while (rest >= 0x80) {
      this.#byte((rest % 0x80) | 0x80);
      rest = Math.floor(rest / 0x80);
    }
    this.#byte(rest);
  }

  #byte(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#length] = value;
    this.#length += 1;
  }

  #append(value: Uint8Array): void {
    this.#reserve(value.length);
    this.#bytes.set(value, this.#length);
    this.#length += value.length;
  }

  #reserve(bytes: number): void {
    if (this.#length + bytes <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.max(2 * this.#bytes.length, this.#length + bytes));
    this.#bytes.copy(larger, 0, 0, this.#length);
    this.#bytes = larger;
  }
}
