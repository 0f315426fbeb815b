import { createHash } from 'node:crypto';
import { quote } from '@img/spec/quote';
import { BuilderError } from '../builder-error.ts';
import { GrowingBytes, GrowingNumbers } from './growing.ts';
import { checksumBytes, entryFields, headerWords, indexMagic, indexVersion } from './index-format.ts';
import { NameTable } from './name-table.ts';
import { fieldNumber, Paragraph, scannedFields } from './paragraph.ts';

/** In the order in which apt reads them: it decides which name is mentioned first. */
const mentioningFields = [
  'pre-depends',
  'depends',
  'conflicts',
  'breaks',
  'recommends',
  'suggests',
  'replaces',
  'enhances',
  'provides',
] as const;

const requiredFields = ['package', 'version', 'architecture', 'filename', 'size', 'sha256'] as const;

const mentioning = mentioningFields.map(fieldNumber);
const required = requiredFields.map(fieldNumber);
const kept = entryFields.map(fieldNumber);
const packageField = fieldNumber('package');
const providesField = fieldNumber('provides');

/** A `Packages` file with more than this is not one. */
const maxEntries = 1_000_000;

/** A paragraph that is longer is not one either. */
const maxParagraphBytes = 4 * 1024 * 1024;

const newline = Buffer.from('\n');
const paragraphEnd = Buffer.from('\n\n');

/** Turns a `Packages` file, which arrives in pieces, into the form of index-format.ts. */
export class IndexCompiler {
  /** What was read of a paragraph that is not complete yet. */
  #rest = Buffer.alloc(0);
  readonly #paragraph = new Paragraph();
  readonly #names = new NameTable();
  /** Number of the name of each entry. */
  readonly #owners = new GrowingNumbers();
  readonly #providedNames = new GrowingNumbers();
  readonly #providers = new GrowingNumbers();
  readonly #entries = new GrowingBytes();
  readonly #entryEnds = new GrowingNumbers();

  /** @throws BuilderError INDEX_INVALID */
  add(chunk: Uint8Array): void {
    const bytes = Buffer.concat([this.#rest, chunk]);
    let start = 0;
    for (;;) {
      const end = bytes.indexOf(paragraphEnd, start);
      if (end < 0) break;
      if (end > start) this.#addParagraph(bytes, start, end);
      start = end + 1;
      while (bytes[start] === newline[0]) start += 1;
    }
    this.#rest = Buffer.from(bytes.subarray(start));
    if (this.#rest.length > maxParagraphBytes) {
      throw new BuilderError(
        'INDEX_INVALID',
        `the index has a paragraph of more than ${maxParagraphBytes} bytes`,
      );
    }
  }

  /** Ends the file and returns its compiled form. */
  finish(): Uint8Array {
    const rest = this.#rest;
    if (rest.toString('latin1').trim() !== '') this.#addParagraph(rest, 0, rest.length);
    const names = this.#names;
    const entries = Uint32Array.from(this.#owners.view().keys());
    const versions = grouped(this.#owners.view(), entries, names.size);
    const providers = grouped(this.#providedNames.view(), this.#providers.view(), names.size);
    const header = Uint32Array.of(
      indexMagic,
      indexVersion,
      names.size,
      entries.length,
      providers.values.length,
      names.slots.length,
      names.bytes.length,
      this.#entries.length,
    );
    if (header.length !== headerWords) throw new TypeError('the header has another length than documented');
    const file = Buffer.concat([
      bytesOf(header),
      Buffer.alloc(checksumBytes),
      bytesOf(names.ends),
      bytesOf(this.#entryEnds.view()),
      bytesOf(versions.ends),
      bytesOf(versions.values),
      bytesOf(providers.ends),
      bytesOf(providers.values),
      bytesOf(names.slots),
      names.bytes,
      ...this.#entries.blocks(),
    ]);
    const body = file.subarray(header.byteLength + checksumBytes);
    createHash('sha256').update(body).digest().copy(file, header.byteLength);
    return file;
  }

  #addParagraph(bytes: Buffer, start: number, end: number): void {
    const paragraph = this.#paragraph;
    const number = this.#owners.length;
    paragraph.read(bytes, start, end);
    const missing = required.find((field) => startOf(paragraph, field) === endOf(paragraph, field));
    if (missing !== undefined || number >= maxEntries) {
      const beginning = quote(bytes.toString('latin1', start, Math.min(end, start + 60)));
      const which = `paragraph ${number + 1} of the index, ${beginning},`;
      const wrong = missing === undefined ? 'is one too many' : `has no ${scannedFields[missing]}`;
      throw new BuilderError('INDEX_INVALID', `${which} ${wrong}`);
    }
    const nameStart = startOf(paragraph, packageField);
    this.#owners.push(this.#names.intern(bytes, nameStart, endOf(paragraph, packageField)));
    for (const field of mentioning) this.#mention(bytes, field, number);
    for (const field of kept) this.#keep(bytes, field);
    this.#entryEnds.push(this.#entries.length);
  }

  #mention(bytes: Buffer, field: number, number: number): void {
    const end = endOf(this.#paragraph, field);
    let start = startOf(this.#paragraph, field);
    while (start < end) {
      while (start < end && isBlank(bytes[start])) start += 1;
      let nameEnd = start;
      while (nameEnd < end && isInName(bytes[nameEnd])) nameEnd += 1;
      // To apt, `python3:any` is a name of its own, so it doesn't mention python3.
      if (nameEnd > start && !isAnyQualifier(bytes, nameEnd, end)) {
        const name = this.#names.intern(bytes, start, nameEnd);
        if (field === providesField) {
          this.#providedNames.push(name);
          this.#providers.push(number);
        }
      }
      start = nameEnd;
      while (start < end && bytes[start] !== comma && bytes[start] !== bar) start += 1;
      start += 1;
    }
  }

  #keep(bytes: Buffer, field: number): void {
    const start = startOf(this.#paragraph, field);
    const end = endOf(this.#paragraph, field);
    if (this.#paragraph.folds[field] === 1) {
      const unfolded = Buffer.from(bytes.toString('latin1', start, end).replaceAll('\n', ' '), 'latin1');
      this.#entries.append(unfolded, 0, unfolded.length);
    } else {
      this.#entries.append(bytes, start, end);
    }
    this.#entries.append(newline, 0, 1);
  }
}

function startOf({ starts }: Paragraph, field: number): number {
  return starts[field] ?? 0;
}

function endOf({ ends }: Paragraph, field: number): number {
  return ends[field] ?? 0;
}

const comma = 0x2c;
const bar = 0x7c;
const openParenthesis = 0x28;
const colon = 0x3a;
const space = 0x20;

function isBlank(byte: number | undefined): boolean {
  return byte !== undefined && byte <= space;
}

function isInName(byte: number | undefined): boolean {
  return (
    byte !== undefined &&
    byte > space &&
    byte !== comma &&
    byte !== bar &&
    byte !== openParenthesis &&
    byte !== colon
  );
}

function isAnyQualifier(bytes: Buffer, at: number, end: number): boolean {
  return bytes[at] === colon && bytes.toString('latin1', at, Math.min(end, at + 4)) === ':any';
}

/** Values in the order of their groups, and where each group ends. */
function grouped(
  groups: Uint32Array,
  values: Uint32Array,
  count: number,
): { readonly ends: Uint32Array; readonly values: Uint32Array } {
  const ends = new Uint32Array(count);
  for (const group of groups) ends[group] = (ends[group] ?? 0) + 1;
  for (let group = 1; group < count; group += 1) ends[group] = (ends[group] ?? 0) + (ends[group - 1] ?? 0);
  const next = new Uint32Array(count);
  for (let group = 1; group < count; group += 1) next[group] = ends[group - 1] ?? 0;
  const result = new Uint32Array(values.length);
  for (const [index, group] of groups.entries()) {
    result[next[group] ?? 0] = values[index] ?? 0;
    next[group] = (next[group] ?? 0) + 1;
  }
  return { ends, values: result };
}

function bytesOf(words: Uint32Array): Uint8Array {
  return new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
}
