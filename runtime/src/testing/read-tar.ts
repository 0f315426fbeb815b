import type { TarEntry } from '../tar/tar-entry.ts';
import { TarReader } from '../tar/tar-reader.ts';

/** All entries of an archive that is given to the reader in pieces of one size. */
export function readTar(archive: Uint8Array, pieceBytes = archive.length): TarEntry[] {
  const entries: TarEntry[] = [];
  const reader = new TarReader((entry) => entries.push(entry));
  for (let at = 0; at < archive.length; at += pieceBytes) reader.push(archive.subarray(at, at + pieceBytes));
  reader.end();
  return entries;
}
