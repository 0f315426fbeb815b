import { entryFields } from './index-format.ts';
import { hashBytes } from './name-table.ts';

const newline = 0x0a;
const space = 0x20;
const tab = 0x09;
const colon = 0x3a;

/** Fields that are looked at but not kept: names in them count as mentioned. */
export const scannedFields = [...entryFields, 'replaces', 'enhances'] as const;

export type ScannedField = (typeof scannedFields)[number];

const lowerNames = scannedFields.map((name) => Buffer.from(name));

const longestName = Math.max(...lowerNames.map((name) => name.length));

const byHash = new Map(lowerNames.map((name, field) => [hashBytes(name, 0, name.length), field]));

/** Number of a field, by which a paragraph is asked for it. */
export function fieldNumber(field: ScannedField): number {
  return scannedFields.indexOf(field);
}

/** Finds the fields of a paragraph in the bytes of an index, without making a string of anything. */
export class Paragraph {
  /** Where the value of each field begins, by field number. */
  readonly starts = new Int32Array(scannedFields.length);
  /** Where it ends; where it begins if the paragraph doesn't have the field or its value is empty. */
  readonly ends = new Int32Array(scannedFields.length);
  /** 1 if the value goes on over several lines. */
  readonly folds = new Uint8Array(scannedFields.length);
  #bytes: Buffer = Buffer.alloc(0);
  readonly #scratch = Buffer.alloc(longestName);

  /** Looks at another paragraph, which stands between start and end. */
  read(bytes: Buffer, start: number, end: number): void {
    this.#bytes = bytes;
    this.starts.fill(0);
    this.ends.fill(0);
    this.folds.fill(0);
    let field = -1;
    for (let lineStart = start; lineStart < end; ) {
      const found = bytes.indexOf(newline, lineStart);
      const lineEnd = found < 0 || found > end ? end : found;
      const first = bytes[lineStart];
      if (first === space || first === tab) {
        // The line goes on with the field before it.
        if (field >= 0) {
          this.ends[field] = lineEnd;
          this.folds[field] = 1;
        }
      } else {
        field = this.#open(lineStart, lineEnd);
      }
      lineStart = lineEnd + 1;
    }
  }

  /** Number of the field that a line begins, or -1 for one that nobody wants. */
  #open(lineStart: number, lineEnd: number): number {
    const bytes = this.#bytes;
    const limit = Math.min(lineEnd, lineStart + longestName + 1);
    let end = lineStart;
    while (end < limit && bytes[end] !== colon) end += 1;
    if (end === limit) return -1;
    const length = end - lineStart;
    for (let index = 0; index < length; index += 1) {
      // Lower case of a letter; what it does to other characters matches no name.
      this.#scratch[index] = (bytes[lineStart + index] ?? 0) | space;
    }
    const field = byHash.get(hashBytes(this.#scratch, 0, length)) ?? -1;
    const name = lowerNames[field];
    if (name?.length !== length || this.#scratch.compare(name, 0, length, 0, length) !== 0) return -1;
    let valueStart = end + 1;
    while (valueStart < lineEnd && (bytes[valueStart] === space || bytes[valueStart] === tab))
      valueStart += 1;
    this.starts[field] = valueStart;
    this.ends[field] = lineEnd;
    return field;
  }
}
