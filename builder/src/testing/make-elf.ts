import { Buffer } from 'node:buffer';

export type ElfParts = {
  readonly needed?: readonly string[];
  readonly soname?: string;
  readonly rpath?: string;
  readonly runpath?: string;
  readonly interpreter?: string;
  /** Content of a .note.dlopen. */
  readonly dlopen?: unknown;
  /** `e_machine`; x86-64 if absent. */
  readonly machine?: number;
  /** Without a dynamic section, as a static program. */
  readonly isStatic?: boolean;
};

const headerBytes = 64;
const segmentBytes = 56;

/** A 64-bit ELF file that says what a linker would write into one, and has no code. */
export function makeElf(parts: ElfParts = {}): Buffer {
  const strings: Buffer[] = [Buffer.from('\0')];
  const dynamic: [tag: number, value: number][] = [];
  const addString = (tag: number, text: string | undefined) => {
    if (text === undefined) return;
    dynamic.push([tag, Buffer.concat(strings).byteLength]);
    strings.push(Buffer.from(`${text}\0`));
  };
  for (const name of parts.needed ?? []) addString(1, name);
  addString(14, parts.soname);
  addString(15, parts.rpath);
  addString(29, parts.runpath);

  const pieces: { readonly type: number; readonly content: Buffer }[] = [];
  if (parts.interpreter !== undefined)
    pieces.push({ type: 3, content: Buffer.from(`${parts.interpreter}\0`) });
  if (parts.dlopen !== undefined) pieces.push({ type: 4, content: dlopenNote(JSON.stringify(parts.dlopen)) });
  const stringsAt = headerBytes + (pieces.length + 2) * segmentBytes;
  const table = Buffer.concat(strings);
  let at = stringsAt + table.byteLength;
  const segments: Buffer[] = [];
  const contents: Buffer[] = [table];
  if (parts.isStatic !== true) {
    const all: readonly [number, number][] = [...dynamic, [5, stringsAt], [0, 0]];
    pieces.push({ type: 2, content: Buffer.concat(all.map(([tag, value]) => words(tag, value))) });
  }
  for (const { type, content } of pieces) {
    segments.push(segment(type, at, content.byteLength));
    contents.push(content);
    at += content.byteLength;
  }
  segments.unshift(segment(1, 0, at));
  while (segments.length < pieces.length + 1) segments.push(segment(0, 0, 0));
  const header = Buffer.alloc(headerBytes);
  header.write('\x7fELF', 0, 'latin1');
  header.set([2, 1, 1], 4);
  header.writeUInt16LE(3, 16);
  header.writeUInt16LE(parts.machine ?? 62, 18);
  header.writeBigUInt64LE(64n, 32);
  header.writeUInt16LE(segmentBytes, 54);
  header.writeUInt16LE(segments.length, 56);
  const head = Buffer.concat([header, ...segments]);
  return Buffer.concat([head, Buffer.alloc(stringsAt - head.byteLength), ...contents]);
}

function words(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(8 * values.length);
  for (const [index, value] of values.entries()) bytes.writeBigUInt64LE(BigInt(value), 8 * index);
  return bytes;
}

function segment(type: number, offset: number, sizeBytes: number): Buffer {
  const bytes = Buffer.concat([Buffer.alloc(8), words(offset, offset, offset, sizeBytes, sizeBytes, 1)]);
  bytes.writeUInt32LE(type, 0);
  return bytes;
}

function dlopenNote(json: string): Buffer {
  const content = Buffer.from(`${json}\0`);
  const header = Buffer.alloc(12);
  header.writeUInt32LE(4, 0);
  header.writeUInt32LE(content.byteLength, 4);
  header.writeUInt32LE(0x407c_0c0a, 8);
  const padding = Buffer.alloc((4 - (content.byteLength % 4)) % 4);
  return Buffer.concat([header, Buffer.from('FDO\0'), content, padding]);
}
