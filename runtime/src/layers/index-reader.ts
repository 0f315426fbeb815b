import { createHash } from 'node:crypto';
import { type Digest, parseDigest } from '@img/spec/digest';
import { RuntimeError } from '../runtime-error.ts';
import { type ByteString, byteString, emptyByteString } from '../tar/byte-string.ts';
import type { SparsePiece } from '../tar/tar-entry.ts';
import { tarBlockBytes } from '../tar/tar-header.ts';
import { indexChecksumBytes, indexFlags, indexKinds, indexMagic, indexVersion } from './index-format.ts';
import type { LayerEntry } from './layer-entry.ts';

/** What an index says. */
export type LayerIndex = {
  readonly diffId: Digest;
  /** Size of the layer's tar file. */
  readonly tarBytes: number;
  /** In the order of the archive. */
  readonly entries: readonly LayerEntry[];
};

/**
 * Reads the index of a layer (index-format.ts).
 *
 * @param name how a message names it, for example its path
 * @throws RuntimeError LAYER_DAMAGED for another version, a wrong checksum or anything malformed
 */
export function readIndex(bytes: Uint8Array, name: string): LayerIndex {
  try {
    return new IndexReader(checkedBody(bytes)).read();
  } catch (cause) {
    throw new RuntimeError(
      'LAYER_DAMAGED',
      `the index ${name} of a layer is damaged: ${(cause as Error).message}`,
      {
        cause,
        hint: 'pull the image again to repair it',
      },
    );
  }
}

function checkedBody(bytes: Uint8Array): Uint8Array {
  const body = bytes.subarray(0, Math.max(0, bytes.length - indexChecksumBytes));
  if (Buffer.compare(body.subarray(0, indexMagic.length), indexMagic) !== 0)
    throw new Error('it is no index');
  if (body[indexMagic.length] !== indexVersion) {
    throw new Error(`it has the version ${body[indexMagic.length]} instead of ${indexVersion}`);
  }
  const checksum = createHash('sha256').update(body).digest();
  if (checksum.compare(bytes, body.length) !== 0) throw new Error('its checksum is wrong');
  return body;
}

class IndexReader {
  readonly #bytes: Uint8Array;
  #at = indexMagic.length + 1;
  #lastPath: ByteString = emptyByteString;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  read(): LayerIndex {
    const diffId = parseDigest(this.#text());
    const tarBytes = this.#number();
    const count = this.#number();
    const entries: LayerEntry[] = [];
    while (entries.length < count) entries.push(this.#entry());
    if (this.#at !== this.#bytes.length) throw new Error('something follows its last entry');
    return { diffId, tarBytes, entries };
  }

  #entry(): LayerEntry {
    const head = this.#byte();
    const kind = indexKinds[head & 0x0f];
    if (kind === undefined) throw new Error(`it has an entry of the kind ${head & 0x0f}`);
    const has = (flag: number) => (head & flag) !== 0;
    if (has(indexFlags.contentHash)) throw new Error('it has content hashes');
    const path = this.#path();
    const isRemoval = kind === 'whiteout' || kind === 'opaque';
    const number = () => (isRemoval ? 0 : this.#number());
    const [mode, uid, gid, mtimeSeconds] = [number(), number(), number(), number()];
    const mtimeNanoseconds = has(indexFlags.nanoseconds) ? this.#number() : 0;
    const content = kind === 'file' ? this.#content(has(indexFlags.sparse)) : noContent;
    const linkTarget = kind === 'symlink' || kind === 'hardlink' ? this.#text() : emptyByteString;
    const isDevice = kind === 'character-device' || kind === 'block-device';
    const [deviceMajor, deviceMinor] = isDevice ? [this.#number(), this.#number()] : [0, 0];
    const xattrs = has(indexFlags.xattrs) ? this.#xattrs() : undefined;
    return {
      kind,
      path,
      linkTarget,
      mode,
      uid,
      gid,
      mtimeSeconds,
      mtimeNanoseconds,
      ...content,
      deviceMajor,
      deviceMinor,
      xattrs,
    };
  }

  #content(isSparse: boolean): Pick<LayerEntry, 'size' | 'contentOffset' | 'sparse'> {
    const size = this.#number();
    const contentOffset = this.#number() * tarBlockBytes;
    if (!isSparse) return { size, contentOffset, sparse: undefined };
    let archiveOffset = contentOffset;
    const sparse = Array.from({ length: this.#count() }, (): SparsePiece => {
      const piece = { fileOffset: this.#number(), archiveOffset, size: this.#number() };
      archiveOffset += piece.size;
      return piece;
    });
    return { size, contentOffset, sparse };
  }

  #xattrs(): ReadonlyMap<ByteString, Uint8Array> {
    return new Map(
      Array.from({ length: this.#count() }, () => {
        // The value is copied: a view would keep the whole index in memory.
        return [this.#text(), Uint8Array.from(this.#take(this.#number()))] as const;
      }),
    );
  }

  #path(): ByteString {
    const same = this.#number();
    if (same > this.#lastPath.length) throw new Error('a path goes on from one that is shorter');
    this.#lastPath = (this.#lastPath.slice(0, same) + this.#text()) as ByteString;
    return this.#lastPath;
  }

  /** A number of things that take at least a byte each. */
  #count(): number {
    const count = this.#number();
    if (count > this.#bytes.length - this.#at) throw new Error('it ends too early');
    return count;
  }

  #text(): ByteString {
    return byteString(this.#take(this.#number()));
  }

  #number(): number {
    let value = 0;
    let factor = 1;
    for (;;) {
      const byte = this.#byte();
      value += (byte & 0x7f) * factor;
      if (!Number.isSafeInteger(value)) throw new Error('a number is too large');
      if (byte < 0x80) return value;
      factor *= 0x80;
    }
  }

  #byte(): number {
    const byte = this.#bytes[this.#at];
    if (byte === undefined) throw new Error('it ends too early');
    this.#at += 1;
    return byte;
  }

  #take(length: number): Uint8Array {
    const end = this.#at + length;
    if (end > this.#bytes.length) throw new Error('it ends too early');
    const taken = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return taken;
  }
}

const noContent = { size: 0, contentOffset: 0, sparse: undefined } as const;
