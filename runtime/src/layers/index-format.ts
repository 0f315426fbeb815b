import type { LayerEntryKind } from './layer-entry.ts';

/*
 * The index of a layer: what is in its tar file, without the contents. All numbers are unsigned LEB128 unless
 * said otherwise; `bytes` is a length and that many bytes.
 *
 *   8 bytes   "imgindex"
 *   1 byte    version
 *   bytes     diffID, as text
 *   number    size of the tar file
 *   number    how many entries follow
 *   entries   in the order of the archive
 *   32 bytes  SHA-256 of everything before
 *
 * An entry:
 *
 *   1 byte    kind in the low four bits, flags in the high four
 *   number    how many bytes of its path are the same as in the path before
 *   bytes     the rest of its path
 *   ...       nothing more for a whiteout or an opaque folder; else
 *   number    mode, then uid, gid, seconds of mtime
 *   number    nanoseconds of mtime, with that flag
 *   ...       by kind: a file its size, its content's offset in blocks of 512 and, with that flag, the number of
 *             its pieces and of each the offset in the file and the size; a link its target (bytes); a device
 *             major and minor
 *   32 bytes  SHA-256 of a file's content, with that flag; reserved, version 1 never has it
 *   ...       with that flag, the number of attributes and of each name and value (bytes)
 */

export const indexMagic = Buffer.from('imgindex', 'latin1');
export const indexVersion = 1;
export const indexChecksumBytes = 32;

export const indexFlags = { nanoseconds: 0x10, sparse: 0x20, contentHash: 0x40, xattrs: 0x80 } as const;

/** By number in the file; the order must never change. */
export const indexKinds: readonly LayerEntryKind[] = [
  'file',
  'directory',
  'symlink',
  'hardlink',
  'character-device',
  'block-device',
  'fifo',
  'whiteout',
  'opaque',
];
