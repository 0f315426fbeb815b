import { createHash } from 'node:crypto';
import {
  checksumBytes,
  type EntryField,
  entryFields,
  hashName,
  headerWords,
  type IndexCounts,
  indexMagic,
  indexVersion,
} from './index-format.ts';

const wordBytes = Uint32Array.BYTES_PER_ELEMENT;

/** The text of one package's fields; a field that it doesn't have is empty. */
export type IndexEntry = { readonly [field in EntryField]: string };

type Sections = {
  readonly counts: IndexCounts;
  readonly nameEnds: Uint32Array;
  readonly entryEnds: Uint32Array;
  readonly versionEnds: Uint32Array;
  readonly versions: Uint32Array;
  readonly providerEnds: Uint32Array;
  readonly providers: Uint32Array;
  readonly slots: Uint32Array;
  readonly names: Buffer;
  readonly entries: Buffer;
};

/** The compiled index of one component of a suite, see index-format.ts. */
export class PackageIndex {
  readonly #sections: Sections;

  private constructor(sections: Sections) {
    this.#sections = sections;
  }

  /** Undefined if the bytes are of another version of the format or damaged: then compile the index again. */
  static open(bytes: Uint8Array): PackageIndex | undefined {
    const header = words(bytes, 0, headerWords);
    const [magic, version, names, entries, providers, slots, nameBytes, entryBytes] = header ?? [];
    if (header === undefined || magic !== indexMagic || version !== indexVersion) return undefined;
    const headerBytes = headerWords * wordBytes;
    const body = bytes.subarray(headerBytes + checksumBytes);
    const checksum = createHash('sha256').update(body).digest();
    if (!checksum.equals(bytes.subarray(headerBytes, headerBytes + checksumBytes))) return undefined;
    // The checksum vouches for the counts being right.
    return new PackageIndex(
      sectionsOf(body, {
        names: names ?? 0,
        entries: entries ?? 0,
        providers: providers ?? 0,
        slots: slots ?? 0,
        nameBytes: nameBytes ?? 0,
        entryBytes: entryBytes ?? 0,
      }),
    );
  }

  /** How many packages it lists. */
  get size(): number {
    return this.#sections.counts.entries;
  }

  /** Number of a name, which grows in the order in which names are first mentioned; undefined if it never is. */
  numberOf(name: string): number | undefined {
    const { slots, names, nameEnds } = this.#sections;
    const mask = slots.length - 1;
    for (let slot = hashName(name) & mask; ; slot = (slot + 1) & mask) {
      const number = (slots[slot] ?? 0) - 1;
      if (number < 0) return undefined;
      if (textOf(names, nameEnds, number) === name) return number;
    }
  }

  /** The packages of the name with this number. */
  versionsOf(number: number): readonly IndexEntry[] {
    const { versions, versionEnds } = this.#sections;
    return this.#entries(versions, versionEnds, number);
  }

  /** The packages that provide the name with this number, in the order of the index. */
  providersOf(number: number): readonly IndexEntry[] {
    const { providers, providerEnds } = this.#sections;
    return this.#entries(providers, providerEnds, number);
  }

  /** The names of real packages. */
  *packageNames(): Generator<string, void, undefined> {
    const { names, nameEnds, versionEnds } = this.#sections;
    for (let number = 0; number < nameEnds.length; number += 1) {
      if ((versionEnds[number] ?? 0) > startOf(versionEnds, number)) yield textOf(names, nameEnds, number);
    }
  }

  #entries(list: Uint32Array, listEnds: Uint32Array, number: number): readonly IndexEntry[] {
    const { entries, entryEnds } = this.#sections;
    const numbers = list.subarray(startOf(listEnds, number), listEnds[number] ?? 0);
    return Array.from(numbers, (entry) => {
      const values = textOf(entries, entryEnds, entry).split('\n');
      const fields = entryFields.map((field, index) => [field, values[index] ?? '']);
      return Object.fromEntries(fields) as IndexEntry;
    });
  }
}

function sectionsOf(body: Uint8Array, counts: IndexCounts): Sections {
  let offset = 0;
  const take = (count: number): Uint32Array => {
    const section = words(body, offset, count) ?? new Uint32Array();
    offset += count * wordBytes;
    return section;
  };
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  const numbers = {
    nameEnds: take(counts.names),
    entryEnds: take(counts.entries),
    versionEnds: take(counts.names),
    versions: take(counts.entries),
    providerEnds: take(counts.names),
    providers: take(counts.providers),
    slots: take(counts.slots),
  };
  const names = bytes.subarray(offset, offset + counts.nameBytes);
  const entries = bytes.subarray(offset + counts.nameBytes);
  return { counts, ...numbers, names, entries };
}

function words(bytes: Uint8Array, offset: number, count: number): Uint32Array | undefined {
  const start = bytes.byteOffset + offset;
  const length = count * wordBytes;
  if (offset + length > bytes.byteLength) return undefined;
  if (start % wordBytes === 0) return new Uint32Array(bytes.buffer, start, count);
  return new Uint32Array(Uint8Array.from(bytes.subarray(offset, offset + length)).buffer);
}

function startOf(ends: Uint32Array, number: number): number {
  return number === 0 ? 0 : (ends[number - 1] ?? 0);
}

function textOf(bytes: Buffer, ends: Uint32Array, number: number): string {
  return bytes.toString('latin1', startOf(ends, number), ends[number] ?? 0);
}
