import { createHash } from 'node:crypto';
import { quote } from '@img/spec/quote';
import { BuilderError } from '../builder-error.ts';
import {
  checksumBytes,
  entryFields,
  hashName,
  headerWords,
  indexMagic,
  indexVersion,
} from './index-format.ts';

const wantedFields: ReadonlySet<string> = new Set([...entryFields, 'replaces', 'enhances']);

const longestFieldName = Math.max(...[...wantedFields].map((name) => name.length));

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

/** A `Packages` file with more than this is not one. */
const maxEntries = 1_000_000;

/** So many fields are kept as text before they become bytes. */
const maxFields = 20_000;

/** Turns a `Packages` file, which arrives in pieces, into the form of index-format.ts. */
export class IndexCompiler {
  /** What was read of a paragraph that is not complete yet. */
  #rest = '';
  readonly #names = new Map<string, number>();
  readonly #versions: number[][] = [];
  readonly #providers: number[][] = [];
  /** Fields of the entries that are not among the bytes yet. */
  #text: string[] = [];
  readonly #entries: Buffer[] = [];
  readonly #entryEnds: number[] = [];
  #entryBytes = 0;

  /** @throws BuilderError INDEX_INVALID */
  add(chunk: Uint8Array): void {
    // Latin-1 keeps every byte as it is and is the fastest to search; what is compared later is ASCII.
    const text =
      this.#rest + Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength).toString('latin1');
    let start = 0;
    for (;;) {
      const end = text.indexOf('\n\n', start);
      if (end < 0) break;
      if (end > start) this.#addParagraph(text.slice(start, end));
      start = end + 1;
      while (text.charAt(start) === '\n') start += 1;
    }
    this.#rest = text.slice(start);
  }

  /** Ends the file and returns its compiled form. */
  finish(): Uint8Array {
    if (this.#rest.trim() !== '') this.#addParagraph(this.#rest.trimEnd());
    this.#flush();
    const names = [...this.#names.keys()];
    const nameBytes = Buffer.from(names.join(''), 'latin1');
    const slots = hashTable(names);
    const providers = this.#providers.flat();
    const header = [
      indexMagic,
      indexVersion,
      names.length,
      this.#entryEnds.length,
      providers.length,
      slots.length,
      nameBytes.length,
      this.#entryBytes,
    ];
    if (header.length !== headerWords) throw new TypeError('the header has another length than documented');
    const checksum = Buffer.alloc(checksumBytes);
    const file = Buffer.concat([
      bytesOf(header),
      checksum,
      bytesOf(ends(names, (name) => name.length)),
      bytesOf(this.#entryEnds),
      bytesOf(ends(this.#versions, (list) => list.length)),
      bytesOf(this.#versions.flat()),
      bytesOf(ends(this.#providers, (list) => list.length)),
      bytesOf(providers),
      bytesOf(slots),
      nameBytes,
      ...this.#entries,
    ]);
    const headerBytes = header.length * Uint32Array.BYTES_PER_ELEMENT;
    const body = file.subarray(headerBytes + checksumBytes);
    createHash('sha256').update(body).digest().copy(file, headerBytes);
    return file;
  }

  #addParagraph(text: string): void {
    const fields = readFields(text);
    for (const name of requiredFields) {
      if (fields.has(name)) continue;
      throw new BuilderError(
        'INDEX_INVALID',
        `paragraph ${this.#entryEnds.length + 1} of the index, ${quote(text.slice(0, 60))}, has no ${name}`,
      );
    }
    const number = this.#entryEnds.length;
    if (number >= maxEntries) {
      throw new BuilderError('INDEX_INVALID', `the index has more than ${maxEntries} packages`);
    }
    // apt does the same, since dpkg does.
    const name = (fields.get('package') ?? '').toLowerCase();
    fields.set('package', name);
    this.#versions[this.#mention(name)]?.push(number);
    for (const field of mentioningFields) {
      const value = fields.get(field);
      if (value === undefined) continue;
      for (const mentioned of namesIn(value)) {
        const id = this.#mention(mentioned);
        if (field === 'provides') this.#providers[id]?.push(number);
      }
    }
    this.#text.push(...entryFields.map((field) => fields.get(field) ?? ''));
    // Each field is one byte per character, and a line break after it.
    for (const field of entryFields) this.#entryBytes += (fields.get(field)?.length ?? 0) + 1;
    this.#entryEnds.push(this.#entryBytes);
    if (this.#text.length >= maxFields) this.#flush();
  }

  /** Turns the fields into bytes: strings that were cut out of a piece of the file keep all of it alive. */
  #flush(): void {
    this.#entries.push(Buffer.from(this.#text.map((field) => `${field}\n`).join(''), 'latin1'));
    this.#text = [];
  }

  #mention(name: string): number {
    const known = this.#names.get(name);
    if (known !== undefined) return known;
    const id = this.#names.size;
    // A copy: the name itself would keep the whole piece of the file alive.
    this.#names.set(Buffer.from(name, 'latin1').toString('latin1'), id);
    this.#versions.push([]);
    this.#providers.push([]);
    return id;
  }
}

function readFields(text: string): Map<string, string> {
  const fields = new Map<string, string>();
  let last: string | undefined;
  let start = 0;
  while (start < text.length) {
    const newline = text.indexOf('\n', start);
    const end = newline < 0 ? text.length : newline;
    const first = text.charAt(start);
    if (first === ' ' || first === '\t') {
      if (last !== undefined) fields.set(last, `${fields.get(last)} ${text.slice(start, end).trim()}`);
    } else {
      last = undefined;
      const colon = text.indexOf(':', start);
      if (colon - start <= longestFieldName) {
        const name = text.slice(start, colon).toLowerCase();
        if (wantedFields.has(name)) {
          last = name;
          fields.set(name, text.slice(colon + 1, end).trim());
        }
      }
    }
    start = end + 1;
  }
  return fields;
}

const mentionPattern = /(?:^|[,|])\s*([^\s,|(:]+)(:any)?/g;

/** The package names in a list of dependencies, without parsing the rest of it. */
function namesIn(value: string): string[] {
  const names: string[] = [];
  for (const [, name = '', any] of value.matchAll(mentionPattern)) {
    // To apt, `python3:any` is a name of its own, so it doesn't mention python3.
    if (any === undefined) names.push(name);
  }
  return names;
}

function hashTable(names: readonly string[]): Uint32Array {
  let size = 16;
  while (size < names.length * 2) size *= 2;
  const slots = new Uint32Array(size);
  for (const [id, name] of names.entries()) {
    let slot = hashName(name) & (size - 1);
    while (slots[slot] !== 0) slot = (slot + 1) & (size - 1);
    slots[slot] = id + 1;
  }
  return slots;
}

function ends<Item>(items: readonly Item[], lengthOf: (item: Item) => number): Uint32Array {
  let sum = 0;
  return Uint32Array.from(items, (item) => {
    sum += lengthOf(item);
    return sum;
  });
}

function bytesOf(values: readonly number[] | Uint32Array): Uint8Array {
  const words = values instanceof Uint32Array ? values : Uint32Array.from(values);
  return new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
}
