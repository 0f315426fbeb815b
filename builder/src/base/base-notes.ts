import type { LayerEntry } from '@img/runtime/layers/layer-entry';
import { bytesOf } from '@img/runtime/tar/byte-string';
import type { Digest } from '@img/spec/digest';
import { type PackedTreeEntry, packTreeEntry, type TreeEntry } from '../image/tree-entry.ts';
import { layerContents } from '../inventory/layer-contents.ts';

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

/**
 * Reads the tar of a layer as it passes.
 *
 * @param what how messages name the layer
 * @throws BuilderError BASE_INVALID
 */
export async function readBaseTar(tar: AsyncIterable<Uint8Array>, what: string): Promise<ReadBaseTar> {
  const contents = await layerContents(tar, { what, isWanted: (path) => rememberedTexts.has(path) });
  const { diffId, tarBytes } = contents;
  return { diffId, tarBytes, notes: { ...treeNotes(contents.entries), texts: textsOf(contents.files) } };
}

function textsOf(files: ReadonlyMap<string, Buffer>): BaseNotes['texts'] {
  return Object.fromEntries([...files].map(([path, bytes]) => [path, bytes.toString('utf8')]));
}

/** What a layer does to the tree of an image. */
export function treeNotes(entries: readonly LayerEntry[]): Omit<BaseNotes, 'texts'> {
  const pathsOf = (kind: LayerEntry['kind']) => {
    return entries.flatMap((entry) => (entry.kind === kind ? (textOf(entry) ?? []) : []));
  };
  return {
    entries: entries.flatMap((entry) => treeEntry(entry) ?? []).map(packTreeEntry),
    removed: pathsOf('whiteout'),
    emptied: pathsOf('opaque'),
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
