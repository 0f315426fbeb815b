import { type LayerEntry, layerEntry } from '@img/runtime/layers/layer-entry';
import { RuntimeError } from '@img/runtime/runtime-error';
import { bytesOf } from '@img/runtime/tar/byte-string';
import { TarReader } from '@img/runtime/tar/tar-reader';
import { type Digest, Digester } from '@img/spec/digest';
import { BuilderError } from '../builder-error.ts';
import { type PackedTreeEntry, packTreeEntry, type TreeEntry } from '../image/tree-entry.ts';

/** What is remembered of a layer of another image. */
export type BaseNotes = {
  readonly entries: readonly PackedTreeEntry[];
  /** Paths that the layer removes from those below it. */
  readonly removed: readonly string[];
  /** Folders that the layer empties of what those below it have. */
  readonly emptied: readonly string[];
  /** The text of files that users and groups are looked up in. */
  readonly texts: { readonly [path: string]: string };
};

export type ReadBaseTar = { readonly diffId: Digest; readonly tarBytes: number; readonly notes: BaseNotes };

const rememberedTexts: ReadonlySet<string> = new Set(['etc/passwd', 'etc/group']);
const maxTextBytes = 1024 * 1024;

/** A file whose content is kept as it passes. */
type Kept = { readonly path: string; readonly begin: number; readonly bytes: Buffer };

/**
 * Reads the tar of a layer as it passes.
 *
 * @param what how messages name the layer
 * @throws BuilderError BASE_INVALID
 */
export async function readBaseTar(tar: AsyncIterable<Uint8Array>, what: string): Promise<ReadBaseTar> {
  const entries: LayerEntry[] = [];
  const kept: Kept[] = [];
  const reader = new TarReader((member) => {
    const entry = layerEntry(member);
    entries.push(entry);
    const { path, kind, size, sparse, contentOffset } = entry;
    if (kind !== 'file' || sparse !== undefined || size > maxTextBytes || !rememberedTexts.has(path)) return;
    kept.push({ path, begin: contentOffset, bytes: Buffer.alloc(size) });
  });
  const digester = new Digester();
  let tarBytes = 0;
  try {
    for await (const chunk of tar) {
      digester.update(chunk);
      reader.push(chunk);
      for (const file of kept) copyOverlap(chunk, tarBytes, file);
      tarBytes += chunk.byteLength;
    }
    reader.end();
  } catch (cause) {
    if (!(cause instanceof RuntimeError)) throw cause;
    throw new BuilderError('BASE_INVALID', `${what} can't be read: ${cause.message}`, { cause });
  }
  return { diffId: digester.digest(), tarBytes, notes: notesOf(entries, kept) };
}

/** Copies what a chunk has of a file; a header always passes before the content, so nothing is missed. */
function copyOverlap(chunk: Uint8Array, offset: number, { begin, bytes }: Kept): void {
  const from = Math.max(begin, offset);
  const to = Math.min(begin + bytes.byteLength, offset + chunk.byteLength);
  if (from < to) bytes.set(chunk.subarray(from - offset, to - offset), from - begin);
}

function notesOf(entries: readonly LayerEntry[], kept: readonly Kept[]): BaseNotes {
  const pathsOf = (kind: LayerEntry['kind']) => {
    return entries.flatMap((entry) => (entry.kind === kind ? (textOf(entry) ?? []) : []));
  };
  return {
    entries: entries.flatMap((entry) => treeEntry(entry) ?? []).map(packTreeEntry),
    removed: pathsOf('whiteout'),
    emptied: pathsOf('opaque'),
    // Of two files with one path the later one counts, as it does in the tree.
    texts: Object.fromEntries(kept.map(({ path, bytes }) => [path, bytes.toString('utf8')])),
  };
}

/** A path as text; undefined if it is not UTF-8, so that nothing in an img.yaml could mean it. */
function textOf({ path }: Pick<LayerEntry, 'path'>): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytesOf(path));
  } catch {
    return undefined;
  }
}

function treeEntry(entry: LayerEntry): TreeEntry | undefined {
  const path = textOf(entry);
  const type = typeOf(entry.kind);
  // The root folder is always there.
  if (type === undefined || path === undefined || path === '') return undefined;
  const { mode, uid, gid } = entry;
  if (type !== 'symlink') return { path, type, mode, uid, gid };
  return { path, type, mode, uid, gid, linkTarget: bytesOf(entry.linkTarget).toString('utf8') };
}

/** Devices and pipes are in the way like files; nothing else is asked of them. */
function typeOf(kind: LayerEntry['kind']): TreeEntry['type'] | undefined {
  switch (kind) {
    case 'directory':
    case 'symlink':
    case 'hardlink':
      return kind;
    case 'whiteout':
    case 'opaque':
      return undefined;
    default:
      return 'file';
  }
}
