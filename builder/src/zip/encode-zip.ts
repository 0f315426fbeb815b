import { Buffer } from 'node:buffer';
import { BuilderError } from '../builder-error.ts';

/** A member that is to be written, its checksum known beforehand. */
export type ZipItem = {
  readonly path: string;
  readonly crc32: number;
  readonly sizeBytes: number;
  readonly read: () => Iterable<Uint8Array> | AsyncIterable<Uint8Array>;
};

// MS-DOS has no time before this: 1980-01-01.
const date = 0x0021;
const version = 20;
/** Names are UTF-8 (APPNOTE 6.3, appendix D). */
const utf8 = 0x0800;

/** Size of the archive that {@link encodeZip} writes. */
export function zipSizeBytes(items: readonly ZipItem[]): number {
  return items.reduce((sum, { path, sizeBytes }) => sum + 76 + 2 * Buffer.byteLength(path) + sizeBytes, 22);
}

/**
 * A zip archive whose members are stored as they are, so that the layer that it lies in can compress them
 * together. The same members always give the same bytes.
 *
 * @throws BuilderError APP_UNSUPPORTED for more than a zip archive of the old form holds
 */
export async function* encodeZip(items: readonly ZipItem[]): AsyncGenerator<Uint8Array, void, undefined> {
  if (items.length >= 0xffff || zipSizeBytes(items) >= 0xffff_ffff) {
    throw new BuilderError('APP_UNSUPPORTED', `${items.length} files are more than one archive can hold`);
  }
  const directory: Buffer[] = [];
  let offset = 0;
  for (const item of items) {
    const common = commonFields(item);
    const name = Buffer.from(item.path);
    const local = Buffer.concat([Buffer.from([0x50, 0x4b, 3, 4]), common, name]);
    yield local;
    yield* item.read();
    const entry = Buffer.concat([
      Buffer.from([0x50, 0x4b, 1, 2, version, 0]),
      common,
      Buffer.alloc(14),
      name,
    ]);
    entry.writeUInt32LE(offset, 42);
    directory.push(entry);
    offset += local.byteLength + item.sizeBytes;
  }
  yield* directory;
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x0605_4b50, 0);
  end.writeUInt16LE(items.length, 8);
  end.writeUInt16LE(items.length, 10);
  end.writeUInt32LE(
    directory.reduce((sum, entry) => sum + entry.byteLength, 0),
    12,
  );
  end.writeUInt32LE(offset, 16);
  yield end;
}

/** What local headers and the directory both have: version to extensions' length. */
function commonFields({ path, crc32, sizeBytes }: ZipItem): Buffer {
  const bytes = Buffer.alloc(26);
  bytes.writeUInt16LE(version, 0);
  bytes.writeUInt16LE(utf8, 2);
  bytes.writeUInt16LE(date, 8);
  bytes.writeUInt32LE(crc32, 10);
  bytes.writeUInt32LE(sizeBytes, 14);
  bytes.writeUInt32LE(sizeBytes, 18);
  bytes.writeUInt16LE(Buffer.byteLength(path), 22);
  return bytes;
}
