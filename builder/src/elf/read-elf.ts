import { quote } from '@img/spec/quote';
import { BuilderError } from '../builder-error.ts';
import { dlopenNames } from './dlopen-note.ts';
import type { ElfFile } from './elf-file.ts';

/** Reads bytes of a file; fewer than asked for only at its end. */
export type ReadAt = (offset: number, sizeBytes: number) => Promise<Uint8Array>;

type Segment = {
  readonly type: number;
  readonly offset: number;
  readonly address: number;
  readonly fileBytes: number;
};

const magic = '\x7fELF';
const segmentTypes = { load: 1, dynamic: 2, interpreter: 3, note: 4 } as const;
const tags = { end: 0, needed: 1, strings: 5, soname: 14, rpath: 15, runpath: 29 } as const;

// Far above what any linker makes, and small enough to be read at once.
const maxSegments = 1024;
const maxDynamicBytes = 1024 * 1024;
const maxNoteBytes = 1024 * 1024;
const maxNeeded = 4096;
const maxStringBytes = 4096;

/** Whether a file begins like an ELF file. */
export function isElf(beginning: Uint8Array): boolean {
  return Buffer.from(beginning.subarray(0, 4)).toString('latin1') === magic;
}

/**
 * Reads what the dynamic linker needs to know of an ELF file, and nothing else of it.
 *
 * @param name how messages name the file
 * @throws BuilderError ELF_INVALID
 */
export async function readElf(read: ReadAt, name: string): Promise<ElfFile> {
  return await new ElfReader(read, name).read();
}

class ElfReader {
  readonly #readAt: ReadAt;
  readonly #name: string;
  #bits: 32 | 64 = 64;
  #isLittle = true;
  #segments: readonly Segment[] = [];

  constructor(readAt: ReadAt, name: string) {
    this.#readAt = readAt;
    this.#name = name;
  }

  async read(): Promise<ElfFile> {
    const machine = await this.#readHeader();
    const dynamic = await this.#readDynamic();
    const strings = dynamic?.find(({ tag }) => tag === tags.strings)?.value;
    const texts = async (tag: number): Promise<readonly string[]> => {
      const found = (dynamic ?? []).filter((entry) => entry.tag === tag);
      if (found.length > maxNeeded) throw this.#invalid(`has more than ${maxNeeded} entries of one kind`);
      if (found.length > 0 && strings === undefined) throw this.#invalid('has no table of strings');
      const offset = strings === undefined ? 0 : this.#offsetOf(strings);
      return await Promise.all(found.map(({ value }) => this.#string(offset + value)));
    };
    const [soname] = await texts(tags.soname);
    return {
      bits: this.#bits,
      machine,
      interpreter: await this.#readInterpreter(),
      isDynamic: dynamic !== undefined,
      needed: await texts(tags.needed),
      soname,
      rpath: (await texts(tags.rpath)).flatMap(foldersOf),
      runpath: (await texts(tags.runpath)).flatMap(foldersOf),
      loaded: await this.#readLoaded(),
    };
  }

  async #readHeader(): Promise<number> {
    const header = await this.#exactly(0, 52, 'header');
    const [bits, order, version] = [header[4], header[5], header[6]];
    if (!isElf(header) || version !== 1 || (bits !== 1 && bits !== 2) || (order !== 1 && order !== 2)) {
      throw this.#invalid('is no ELF file of a known kind');
    }
    this.#bits = bits === 1 ? 32 : 64;
    this.#isLittle = order === 1;
    const whole = this.#is64 ? await this.#exactly(0, 64, 'header') : header;
    const tableOffset = this.#word(whole, this.#is64 ? 32 : 28);
    const sizes = this.#is64 ? 54 : 42;
    const entryBytes = this.#half(whole, sizes);
    const count = this.#half(whole, sizes + 2);
    if (count > maxSegments || (count > 0 && entryBytes !== (this.#is64 ? 56 : 32))) {
      throw this.#invalid(`has a table of ${count} segments of ${entryBytes} bytes each`);
    }
    const table = await this.#exactly(tableOffset, count * entryBytes, 'table of segments');
    this.#segments = Array.from({ length: count }, (_, index) => {
      return this.#segment(table.subarray(index * entryBytes, (index + 1) * entryBytes));
    });
    return this.#half(whole, 18);
  }

  #segment(bytes: Buffer): Segment {
    const [offset, address, size] = this.#is64 ? [8, 16, 32] : [4, 8, 16];
    return {
      type: this.#int(bytes, 0),
      offset: this.#word(bytes, offset),
      address: this.#word(bytes, address),
      fileBytes: this.#word(bytes, size),
    };
  }

  async #readInterpreter(): Promise<string | undefined> {
    const segment = this.#only(segmentTypes.interpreter);
    if (segment === undefined) return undefined;
    if (segment.fileBytes > maxStringBytes) throw this.#invalid('has an interpreter with too long a name');
    const text = await this.#string(segment.offset);
    if (!text.startsWith('/'))
      throw this.#invalid(`has the interpreter ${quote(text)}, which is no absolute path`);
    return text;
  }

  async #readDynamic(): Promise<readonly { readonly tag: number; readonly value: number }[] | undefined> {
    const segment = this.#only(segmentTypes.dynamic);
    if (segment === undefined) return undefined;
    if (segment.fileBytes > maxDynamicBytes) throw this.#invalid('has too large a dynamic section');
    const bytes = await this.#exactly(segment.offset, segment.fileBytes, 'dynamic section');
    const wordBytes = this.#bits / 8;
    const entries: { tag: number; value: number }[] = [];
    for (let at = 0; at + 2 * wordBytes <= bytes.byteLength; at += 2 * wordBytes) {
      const tag = this.#wideTag(bytes, at);
      if (tag === tags.end) return entries;
      if (tag !== undefined) entries.push({ tag, value: this.#word(bytes, at + wordBytes) });
    }
    throw this.#invalid('has a dynamic section without an end');
  }

  async #readLoaded(): Promise<readonly string[]> {
    const names: string[] = [];
    for (const { type, offset, fileBytes } of this.#segments) {
      if (type !== segmentTypes.note || fileBytes > maxNoteBytes) continue;
      const bytes = await this.#exactly(offset, fileBytes, 'notes');
      names.push(...dlopenNames(bytes, this.#isLittle));
    }
    return [...new Set(names)];
  }

  #only(type: number): Segment | undefined {
    const found = this.#segments.filter((segment) => segment.type === type);
    if (found.length > 1)
      throw this.#invalid(`has ${found.length} segments of type ${type}, where one may be`);
    return found[0];
  }

  /** Where in the file an address of memory is. */
  #offsetOf(address: number): number {
    const segment = this.#segments.find((each) => {
      return (
        each.type === segmentTypes.load && address >= each.address && address < each.address + each.fileBytes
      );
    });
    if (segment === undefined) throw this.#invalid('has its strings at an address that it does not load');
    return segment.offset + address - segment.address;
  }

  async #string(offset: number): Promise<string> {
    const bytes = Buffer.from(await this.#readAt(offset, maxStringBytes));
    const end = bytes.indexOf(0);
    if (end <= 0) throw this.#invalid('has a name that is empty, too long or cut off');
    return bytes.toString('utf8', 0, end);
  }

  async #exactly(offset: number, sizeBytes: number, what: string): Promise<Buffer> {
    const bytes = Buffer.from(await this.#readAt(offset, sizeBytes));
    if (bytes.byteLength === sizeBytes) return bytes;
    throw this.#invalid(`ends within its ${what}`);
  }

  get #is64(): boolean {
    return this.#bits === 64;
  }

  #half(bytes: Buffer, at: number): number {
    return this.#isLittle ? bytes.readUInt16LE(at) : bytes.readUInt16BE(at);
  }

  #int(bytes: Buffer, at: number): number {
    return this.#isLittle ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at);
  }

  #word(bytes: Buffer, at: number): number {
    if (!this.#is64) return this.#int(bytes, at);
    const value = this.#isLittle ? bytes.readBigUInt64LE(at) : bytes.readBigUInt64BE(at);
    // Values that are no places in a file are addresses of tags that nobody asks for.
    return value > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : Number(value);
  }

  /** A tag; undefined for those of processors and systems, which mean nothing here. */
  #wideTag(bytes: Buffer, at: number): number | undefined {
    const tag = this.#word(bytes, at);
    return tag < 0x6000_0000 ? tag : undefined;
  }

  #invalid(problem: string): BuilderError {
    return new BuilderError('ELF_INVALID', `${quote(this.#name)} ${problem}`, {
      hint: 'programs and libraries for Linux are ELF files; this one is damaged or something else',
    });
  }
}

function foldersOf(list: string): readonly string[] {
  return list.split(':').filter((folder) => folder !== '');
}
