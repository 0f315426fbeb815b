import { type FileHandle, open } from 'node:fs/promises';
import { posix } from 'node:path';
import { quote } from '@img/spec/quote';
import { RegistryError } from '../registry-error.ts';
import type { LayoutFiles } from './layout-files.ts';
import { blockBytes, parsePaxRecords, parseTarHeader, type TarHeader } from './tar-header.ts';

const maxEntries = 100_000;
const maxNameCharacters = 1024;
const maxExtensionBytes = 64 * 1024;
const pieceBytes = 1024 * 1024;

type TarEntry =
  | { readonly kind: 'file'; readonly offset: number; readonly sizeBytes: number }
  | { readonly kind: 'link'; readonly target: string };

/**
 * The files in a tar archive, found by their headers and read where they are. Only what an image archive
 * consists of is accepted: files, folders, and the links that `docker save` makes for a layer that an image has
 * twice; they are followed once, inside of the archive.
 */
export class TarFiles implements LayoutFiles {
  readonly name: string;
  readonly #handle: FileHandle;
  readonly #entries: ReadonlyMap<string, TarEntry>;

  private constructor(name: string, handle: FileHandle, entries: ReadonlyMap<string, TarEntry>) {
    this.name = name;
    this.#handle = handle;
    this.#entries = entries;
  }

  /** @throws RegistryError ARCHIVE_INVALID; system errors */
  static async open(path: string): Promise<TarFiles> {
    const handle = await open(path, 'r');
    try {
      const { size } = await handle.stat();
      return new TarFiles(path, handle, await new TarIndexer(path, handle, size).entries());
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  async size(path: string): Promise<number | undefined> {
    return this.#file(path)?.sizeBytes;
  }

  async *read(path: string, offset: number): AsyncGenerator<Uint8Array> {
    const file = this.#file(path);
    if (file === undefined) throw new RegistryError('CONTENT_MISSING', `${this.name} has no ${quote(path)}`);
    const end = file.offset + file.sizeBytes;
    for (let position = file.offset + offset; position < end; ) {
      const length = Math.min(pieceBytes, end - position);
      const { bytesRead, buffer } = await this.#handle.read(Buffer.allocUnsafe(length), 0, length, position);
      if (bytesRead === 0)
        throw new RegistryError('ARCHIVE_INVALID', `${this.name} became shorter while it was read`);
      position += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#handle.close();
  }

  #file(path: string): Extract<TarEntry, { kind: 'file' }> | undefined {
    const entry = this.#entries.get(path);
    if (entry?.kind !== 'link') return entry;
    const target = this.#entries.get(posix.join(posix.dirname(path), entry.target));
    return target?.kind === 'file' ? target : undefined;
  }
}

class TarIndexer {
  readonly #path: string;
  readonly #handle: FileHandle;
  readonly #archiveBytes: number;
  readonly #found = new Map<string, TarEntry>();
  #position = 0;

  constructor(path: string, handle: FileHandle, archiveBytes: number) {
    this.#path = path;
    this.#handle = handle;
    this.#archiveBytes = archiveBytes;
  }

  async entries(): Promise<ReadonlyMap<string, TarEntry>> {
    let longName: string | undefined;
    let longLink: string | undefined;
    let pax: ReadonlyMap<string, string> = new Map();
    for (;;) {
      const header = parseTarHeader(await this.#block(), this.#where());
      if (header === undefined) return this.#found;
      this.#position += blockBytes;
      switch (header.type) {
        case 'x':
          pax = parsePaxRecords(await this.#extension(header), this.#where());
          break;
        case 'g':
          // Comments, such as the commit that git archive writes; nothing that an image needs.
          await this.#extension(header);
          break;
        case 'L':
          longName = textOf(await this.#extension(header));
          break;
        case 'K':
          longLink = textOf(await this.#extension(header));
          break;
        default:
          this.#add(completed(header, pax, longName, longLink, this.#where()));
          longName = undefined;
          longLink = undefined;
          pax = new Map();
      }
    }
  }

  #add(header: TarHeader): void {
    const { type, sizeBytes, linkName } = header;
    const offset = this.#position;
    const isFile = type === '0' || type === '7';
    if (isFile) this.#skip(sizeBytes);
    else if (sizeBytes !== 0) throw this.#invalid('has content where only a file has any');
    if (type === '5') return;
    const name = this.#checkedName(header.name);
    if (isFile) this.#put(name, { kind: 'file', offset, sizeBytes });
    else if (type === '2') this.#put(name, { kind: 'link', target: linkName });
    else throw this.#invalid(`has ${quote(name)} of type ${quote(type)}, which no image archive has`);
  }

  #put(name: string, entry: TarEntry): void {
    // Which one counts would be for each reader to decide.
    if (this.#found.has(name)) throw this.#invalid(`has ${quote(name)} twice`);
    if (this.#found.size === maxEntries) throw this.#invalid(`has more than ${maxEntries} entries`);
    this.#found.set(name, entry);
  }

  #checkedName(name: string): string {
    const path = name.replace(/^(?:\.\/+)+/, '');
    const parts = path.split('/');
    if (
      path === '' ||
      path.length > maxNameCharacters ||
      parts.some((part) => part === '' || part === '.' || part === '..')
    ) {
      throw this.#invalid(`has the name ${quote(name)}, which is not a path inside of it`);
    }
    return path;
  }

  async #block(): Promise<Uint8Array> {
    const block = await this.#bytes(blockBytes);
    if (this.#position === 0 && block[0] === 0x1f && block[1] === 0x8b) {
      throw this.#invalid('is compressed', 'decompress it first, for example with gunzip');
    }
    return block;
  }

  /** The content of a header that says more about the next one. */
  async #extension({ sizeBytes }: TarHeader): Promise<Uint8Array> {
    if (sizeBytes > maxExtensionBytes) throw this.#invalid('has a name or attributes that are too long');
    const bytes = await this.#bytes(sizeBytes);
    this.#skip(sizeBytes);
    return bytes;
  }

  async #bytes(length: number): Promise<Uint8Array> {
    const { bytesRead, buffer } = await this.#handle.read(Buffer.alloc(length), 0, length, this.#position);
    if (bytesRead < length) throw this.#invalid('is cut off');
    return buffer;
  }

  #skip(sizeBytes: number): void {
    this.#position += Math.ceil(sizeBytes / blockBytes) * blockBytes;
    if (this.#position > this.#archiveBytes) throw this.#invalid('is cut off');
  }

  #where(): string {
    return `${this.#path} at byte ${this.#position}`;
  }

  #invalid(reason: string, hint?: string): RegistryError {
    const options = hint === undefined ? {} : { hint };
    return new RegistryError('ARCHIVE_INVALID', `${this.#where()} ${reason}`, options);
  }
}

/** The header with what the ones before it said. */
function completed(
  header: TarHeader,
  pax: ReadonlyMap<string, string>,
  longName: string | undefined,
  longLink: string | undefined,
  where: string,
): TarHeader {
  const size = pax.get('size');
  if (size !== undefined && !/^\d{1,15}$/.test(size)) {
    throw new RegistryError('ARCHIVE_INVALID', `${where} has ${quote(size)} as the size of a file`);
  }
  for (const key of pax.keys()) {
    if (key.startsWith('GNU.sparse.')) {
      throw new RegistryError('ARCHIVE_INVALID', `${where} is a sparse file, which no image archive has`);
    }
  }
  return {
    type: header.type,
    name: pax.get('path') ?? longName ?? header.name,
    linkName: pax.get('linkpath') ?? longLink ?? header.linkName,
    sizeBytes: size === undefined ? header.sizeBytes : Number(size),
  };
}

function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes).replace(/\0.*$/s, '');
}
