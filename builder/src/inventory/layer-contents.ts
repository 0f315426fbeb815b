import { type LayerEntry, layerEntry } from '@img/runtime/layers/layer-entry';
import { RuntimeError } from '@img/runtime/runtime-error';
import { bytesOf } from '@img/runtime/tar/byte-string';
import { TarReader } from '@img/runtime/tar/tar-reader';
import { type Digest, Digester } from '@img/spec/digest';
import { BuilderError } from '../builder-error.ts';

/** What is in a layer, with the content of some of its files. */
export type LayerContents = {
  readonly entries: readonly LayerEntry[];
  /** By path; of two files with one path the later one counts. */
  readonly files: ReadonlyMap<string, Buffer>;
  /** Of the content of every file, by path; empty unless it was asked for. */
  readonly digests: ReadonlyMap<string, Digest>;
  readonly diffId: Digest;
  readonly tarBytes: number;
};

/** A file whose content is kept as it passes. */
type Kept = { readonly path: string; readonly begin: number; readonly bytes: Buffer };

export type LayerContentsOptions = {
  /** How messages name the layer. */
  readonly what: string;
  /** Whether the content of a file is wanted. */
  readonly isWanted: (path: string) => boolean;
  /** Whether the content of every file is hashed. */
  readonly isHashing?: boolean;
};

/** A file that is hashed as it passes. */
type Hashed = {
  readonly path: string;
  readonly begin: number;
  readonly end: number;
  readonly digester: Digester;
};

const maxFileBytes = 16 * 1024 * 1024;
const maxTotalBytes = 256 * 1024 * 1024;

/**
 * Reads the tar of a layer as it passes.
 *
 * @throws BuilderError BASE_INVALID
 */
export async function layerContents(
  tar: AsyncIterable<Uint8Array>,
  { what, isWanted, isHashing = false }: LayerContentsOptions,
): Promise<LayerContents> {
  const entries: LayerEntry[] = [];
  const kept: Kept[] = [];
  /** Those whose content is not complete yet. */
  let open: Kept[] = [];
  let keptBytes = 0;
  let hashed: Hashed[] = [];
  const digests = new Map<string, Digest>();
  const reader = new TarReader((member) => {
    const entry = layerEntry(member);
    entries.push(entry);
    const { path, kind, size, sparse, contentOffset } = entry;
    if (isHashing && kind === 'file') {
      // Of a sparse file that is what the archive has, which says as much.
      const begin = sparse?.[0]?.archiveOffset ?? contentOffset;
      const last = sparse?.at(-1);
      const end =
        last === undefined ? begin + (sparse === undefined ? size : 0) : last.archiveOffset + last.size;
      hashed.push({ path: bytesOf(path).toString('utf8'), begin, end, digester: new Digester() });
    }
    if (kind !== 'file' || sparse !== undefined || size > maxFileBytes || !isWanted(path)) return;
    keptBytes += size;
    if (keptBytes > maxTotalBytes) {
      throw new BuilderError(
        'BASE_INVALID',
        `${what} has more than ${maxTotalBytes} bytes of lists of packages`,
      );
    }
    const text = bytesOf(path).toString('utf8');
    const file = { path: text, begin: contentOffset, bytes: Buffer.alloc(size) };
    kept.push(file);
    open.push(file);
  });
  const digester = new Digester();
  let tarBytes = 0;
  try {
    for await (const chunk of tar) {
      digester.update(chunk);
      reader.push(chunk);
      for (const file of open) copyOverlap(chunk, tarBytes, file);
      for (const file of hashed) hashOverlap(chunk, tarBytes, file);
      tarBytes += chunk.byteLength;
      for (const { path, end, digester: own } of hashed) if (end <= tarBytes) digests.set(path, own.digest());
      hashed = hashed.filter(({ end }) => end > tarBytes);
      const read = tarBytes;
      open = open.filter(({ begin, bytes }) => begin + bytes.byteLength > read);
    }
    reader.end();
  } catch (cause) {
    if (!(cause instanceof RuntimeError)) throw cause;
    throw new BuilderError('BASE_INVALID', `${what} can't be read: ${cause.message}`, { cause });
  }
  const files = new Map(kept.map(({ path, bytes }) => [path, bytes]));
  return { entries, files, digests, diffId: digester.digest(), tarBytes };
}

/** Copies what a chunk has of a file; a header always passes before the content, so nothing is missed. */
function copyOverlap(chunk: Uint8Array, offset: number, { begin, bytes }: Kept): void {
  const from = Math.max(begin, offset);
  const to = Math.min(begin + bytes.byteLength, offset + chunk.byteLength);
  if (from < to) bytes.set(chunk.subarray(from - offset, to - offset), from - begin);
}

function hashOverlap(chunk: Uint8Array, offset: number, { begin, end, digester }: Hashed): void {
  const from = Math.max(begin, offset);
  const to = Math.min(end, offset + chunk.byteLength);
  if (from < to) digester.update(chunk.subarray(from - offset, to - offset));
}
