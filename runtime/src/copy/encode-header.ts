import { type ByteString, byteStringOf, bytesOf, emptyByteString } from '../tar/byte-string.ts';
import { tarBlockBytes } from '../tar/tar-header.ts';
import type { CopyItem } from './copy-item.ts';

const typeFlags: { readonly [kind in CopyItem['kind']]: string } = {
  file: '0',
  same: '1',
  link: '2',
  folder: '5',
};
const paxFlag = 'x';

// What fields of 7 and 11 octal digits and of 100 bytes hold.
const largestId = 0o7777777;
const largestNumber = 0o77777777777;
const nameBytes = 100;

type Fields = Pick<CopyItem, 'mode' | 'uid' | 'gid' | 'sizeBytes' | 'mtimeSeconds' | 'target'> & {
  readonly name: ByteString;
  readonly typeFlag: string;
};

/**
 * The header of an item in a tar archive: a ustar block (POSIX.1-1988), and before it a pax header for what does not fit
 * into that. Names are written as the bytes that they are, times in whole seconds from 1970 on.
 */
export function encodeHeader(item: CopyItem, path: ByteString): Uint8Array {
  const { mode, uid, gid, sizeBytes, target, kind } = item;
  const name = (kind === 'folder' ? `${path}/` : path) as ByteString;
  const mtimeSeconds = Math.min(Math.max(item.mtimeSeconds, 0), largestNumber);
  const records: string[] = [];
  if (name.length > nameBytes) records.push(paxRecord('path', name));
  if (target.length > nameBytes) records.push(paxRecord('linkpath', target));
  if (uid > largestId) records.push(paxRecord('uid', `${uid}`));
  if (gid > largestId) records.push(paxRecord('gid', `${gid}`));
  if (sizeBytes > largestNumber) records.push(paxRecord('size', `${sizeBytes}`));
  const block = encodeBlock({
    ...{ name, target, mode, mtimeSeconds, typeFlag: typeFlags[kind] },
    // A reader that knows pax takes the record; for any other, 0 is better than a number cut short.
    uid: uid > largestId ? 0 : uid,
    gid: gid > largestId ? 0 : gid,
    sizeBytes: sizeBytes > largestNumber ? 0 : sizeBytes,
  });
  return records.length === 0 ? block : Buffer.concat([paxHeader(records.join('')), block]);
}

/** What fills the last block of a content. */
export function paddingOf(sizeBytes: number): Uint8Array {
  return new Uint8Array((tarBlockBytes - (sizeBytes % tarBlockBytes)) % tarBlockBytes);
}

/** The two blocks that end an archive. */
export function endOfArchive(): Uint8Array {
  return new Uint8Array(2 * tarBlockBytes);
}

function paxHeader(records: string): Uint8Array {
  const body = bytesOf(records as ByteString);
  const block = encodeBlock({
    ...{ name: byteStringOf('PaxHeaders/entry'), typeFlag: paxFlag, target: emptyByteString },
    ...{ mode: 0o644, uid: 0, gid: 0, mtimeSeconds: 0, sizeBytes: body.length },
  });
  return Buffer.concat([block, body, paddingOf(body.length)]);
}

// POSIX.1-2001, pax: the length counts itself.
function paxRecord(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`;
  const digits = String(rest.length).length;
  const length = rest.length + digits;
  return `${String(length).length === digits ? length : length + 1}${rest}`;
}

function encodeBlock({ name, target, mode, uid, gid, sizeBytes, mtimeSeconds, typeFlag }: Fields): Buffer {
  const block = Buffer.alloc(tarBlockBytes);
  block.set(bytesOf(name).subarray(0, nameBytes), 0);
  block.write(octal(mode, 7), 100);
  block.write(octal(uid, 7), 108);
  block.write(octal(gid, 7), 116);
  block.write(octal(sizeBytes, 11), 124);
  block.write(octal(mtimeSeconds, 11), 136);
  block.write(' '.repeat(8), 148);
  block.write(typeFlag, 156);
  block.set(bytesOf(target).subarray(0, nameBytes), 157);
  block.write('ustar\x0000', 257);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${octal(sum, 6)}\0 `, 148);
  return block;
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, '0');
}
