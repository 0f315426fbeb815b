import { RuntimeError } from '../runtime-error.ts';
import { type ByteString, quoteBytes } from '../tar/byte-string.ts';
import type { SparsePiece, TarEntry } from '../tar/tar-entry.ts';
import { tarBlockBytes } from '../tar/tar-header.ts';

/** Chunks of one sparse file in a tree image, 8 bytes of metadata each. */
const maxChunks = 2 ** 22;

type Content = Pick<TarEntry, 'size' | 'contentOffset' | 'sparse'>;

/** Where the bytes of a file are, in order; without the pieces that are zeros. */
export function contentPieces({ size, contentOffset, sparse }: Content): readonly SparsePiece[] {
  if (sparse !== undefined) return sparse;
  return size === 0 ? [] : [{ fileOffset: 0, archiveOffset: contentOffset, size }];
}

/**
 * The largest power of two, at least 512, at whose multiples all pieces of a file begin and end (the last may
 * end with the file). A file that is stored whole is one chunk.
 */
export function chunkBytes({ size, sparse }: Content): number {
  if (sparse === undefined) return powerOfTwoFrom(Math.max(size, tarBlockBytes));
  let chunk = powerOfTwoFrom(Math.max(size, tarBlockBytes));
  for (const piece of sparse) {
    const end = piece.fileOffset + piece.size;
    while (piece.fileOffset % chunk !== 0 || (end % chunk !== 0 && end !== size)) chunk /= 2;
  }
  return chunk;
}

/**
 * A file is shown straight out of the archive, so its pieces must lie on blocks there. GNU tar and bsdtar
 * never write others, because file systems have holes of whole blocks only.
 *
 * @throws RuntimeError ARCHIVE_UNSUPPORTED
 */
export function checkPieces({ size, contentOffset, sparse }: TarEntry, path: ByteString): void {
  if (sparse === undefined) return;
  for (const piece of sparse) {
    const end = piece.fileOffset + piece.size;
    const isOnBlocks =
      piece.fileOffset % tarBlockBytes === 0 &&
      piece.archiveOffset % tarBlockBytes === 0 &&
      (end % tarBlockBytes === 0 || end === size);
    if (!isOnBlocks) {
      throw new RuntimeError(
        'ARCHIVE_UNSUPPORTED',
        `the sparse file ${quoteBytes(path)} in the archive has ${piece.size} bytes at ${piece.fileOffset}, not on blocks of ${tarBlockBytes}`,
        { hint: 'make the archive again without a sparse format' },
      );
    }
  }
  if (size / chunkBytes({ size, contentOffset, sparse }) > maxChunks) {
    throw new RuntimeError(
      'ARCHIVE_LIMIT',
      `the sparse file ${quoteBytes(path)} in the archive is in more than ${maxChunks} pieces`,
    );
  }
}

function powerOfTwoFrom(bytes: number): number {
  return 2 ** Math.ceil(Math.log2(bytes));
}
