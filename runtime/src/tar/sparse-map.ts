import { RuntimeError } from '../runtime-error.ts';
import { byteString } from './byte-string.ts';
import { parseDecimal } from './pax-records.ts';
import type { SparsePiece } from './tar-entry.ts';
import { tarBlockBytes } from './tar-header.ts';
import { tarLimits } from './tar-limits.ts';
import { parseTarNumber } from './tar-number.ts';

/** An offset in a file and the number of bytes stored for it; what every sparse format lists. */
export type SparseRange = readonly [fileOffset: number, size: number];

/**
 * Turns the ranges of a sparse file, stored one after the other, into pieces of the archive.
 *
 * @param size of the file as it will be read
 * @param storedBytes what the header says is stored, without the map itself
 * @param archiveOffset where the first range is stored
 * @throws RuntimeError ARCHIVE_INVALID for ranges that overlap, are out of order or do not add up
 */
export function sparsePieces(
  ranges: readonly SparseRange[],
  { size, storedBytes, archiveOffset }: { size: number; storedBytes: number; archiveOffset: number },
): readonly SparsePiece[] {
  const pieces: SparsePiece[] = [];
  let fileEnd = 0;
  let stored = 0;
  for (const [fileOffset, bytes] of ranges) {
    // Only GNU's old format can have negative numbers, in base 256.
    if (fileOffset < fileEnd || bytes < 0 || fileOffset + bytes > size) {
      throw invalid(`has ${bytes} bytes at ${fileOffset}, before ${fileEnd} or past its size of ${size}`);
    }
    // Writers mark the end of a file that ends in a hole by an empty range.
    if (bytes > 0) pieces.push({ fileOffset, archiveOffset: archiveOffset + stored, size: bytes });
    fileEnd = fileOffset + bytes;
    stored += bytes;
  }
  if (stored !== storedBytes) throw invalid(`lists ${stored} bytes where ${storedBytes} are stored`);
  return pieces;
}

/** Pairs up a flat list of offsets and sizes. @throws RuntimeError ARCHIVE_INVALID for an odd count */
export function sparseRanges(numbers: readonly number[]): readonly SparseRange[] {
  if (numbers.length % 2 !== 0) throw invalid('has an offset without a size');
  return Array.from({ length: numbers.length / 2 }, (_, index) => {
    return [numbers[2 * index] ?? 0, numbers[2 * index + 1] ?? 0];
  });
}

const structBytes = 24;

/**
 * The ranges in a header of GNU's old format (4 at byte 386) or in one of its extension blocks (21 at byte 0),
 * and whether a further extension block follows. An all-zero struct ends the list.
 *
 * @throws RuntimeError ARCHIVE_INVALID
 */
export function oldGnuRanges(
  block: Uint8Array,
  place: 'header' | 'extension',
): { readonly ranges: readonly SparseRange[]; readonly isExtended: boolean } {
  const [start, count, flagAt] = place === 'header' ? [386, 4, 482] : [0, 21, 504];
  const ranges: SparseRange[] = [];
  for (let at = start; at < start + count * structBytes; at += structBytes) {
    if (block[at] === 0) break;
    ranges.push([
      parseTarNumber(block.subarray(at, at + 12), 'sparse offset'),
      parseTarNumber(block.subarray(at + 12, at + structBytes), 'sparse size'),
    ]);
  }
  return { ranges, isExtended: block[flagAt] !== 0 };
}

/** Size of the file in a header of GNU's old format. @throws RuntimeError ARCHIVE_INVALID */
export function oldGnuRealSize(header: Uint8Array): number {
  return parseTarNumber(header.subarray(483, 495), 'realsize');
}

/**
 * Reads the map of GNU's format 1.0, which stands before the content, in whole blocks: the number of ranges,
 * then offset and size of each, one decimal number a line.
 */
export class SparseMapText {
  readonly #numbers: number[] = [];
  #partial = '';
  /** Bytes of the map so far. */
  bytes = 0;

  /** Takes the next block; true once the map is complete. @throws RuntimeError ARCHIVE_INVALID, ARCHIVE_LIMIT */
  push(block: Uint8Array): boolean {
    this.bytes += tarBlockBytes;
    const lines = (this.#partial + byteString(block)).split('\n');
    this.#partial = lines.pop() ?? '';
    for (const line of lines) {
      const number = parseDecimal(line);
      if (Number.isNaN(number)) throw invalid('has a map that is no list of numbers');
      this.#numbers.push(number);
      if (this.#isComplete()) return true;
    }
    // A number has at most 15 digits, so a longer rest never becomes one.
    if (this.#partial.length > 15) throw invalid('has a map that is no list of numbers');
    return false;
  }

  ranges(): readonly SparseRange[] {
    return sparseRanges(this.#numbers.slice(1));
  }

  #isComplete(): boolean {
    const count = this.#numbers[0] ?? 0;
    if (count > tarLimits.sparsePieces) {
      throw new RuntimeError(
        'ARCHIVE_LIMIT',
        `a sparse file in the archive has ${count} pieces, more than the ${tarLimits.sparsePieces} allowed`,
      );
    }
    return this.#numbers.length === 1 + 2 * count;
  }
}

function invalid(problem: string): RuntimeError {
  return new RuntimeError('ARCHIVE_INVALID', `a sparse file in the archive ${problem}`);
}
