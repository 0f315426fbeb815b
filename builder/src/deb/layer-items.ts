import { quote } from '@img/spec/quote';
import { BuilderError } from '../builder-error.ts';
import type { TarItem } from '../tar/encode-tar.ts';
import { folderEntry, type PackageEntry } from './package-entry.ts';

/** Reads bytes of a package's data archive. */
export type ReadArchived = (offset: number, sizeBytes: number) => AsyncIterable<Uint8Array>;

/**
 * The entries as a tar gets them: sorted by path, folders before what is in them, also those that the package
 * doesn't list; of several names of one file the first is the file and the others are hard links to it.
 *
 * @param what how messages name the package
 * @throws BuilderError PATH_UNSAFE if something lies below what is no folder
 */
export function layerItems(
  entries: ReadonlyMap<string, PackageEntry>,
  read: ReadArchived,
  what: string,
): readonly TarItem[] {
  const complete = new Map(entries);
  for (const path of entries.keys()) addParents(complete, path, what);
  const sorted = [...complete.values()].sort((a, b) => (a.entry.path < b.entry.path ? -1 : 1));
  const firstNames = new Map<number, string>();
  return sorted.map(({ entry, content }): TarItem => {
    if (content === undefined) return { entry };
    if (content.kind === 'made') return { entry, content: () => [content.bytes] };
    // Two members never share an offset, unless they are empty and the archive ends there; then there is
    // nothing to share.
    const firstName = entry.sizeBytes === 0 ? undefined : firstNames.get(content.offset);
    if (firstName !== undefined) {
      return { entry: { ...entry, type: 'hardlink', linkTarget: firstName, sizeBytes: 0 } };
    }
    firstNames.set(content.offset, entry.path);
    return { entry, content: () => read(content.offset, entry.sizeBytes) };
  });
}

function addParents(entries: Map<string, PackageEntry>, path: string, what: string): void {
  for (let slash = path.lastIndexOf('/'); slash > 0; slash = path.lastIndexOf('/', slash - 1)) {
    const parent = path.slice(0, slash);
    const found = entries.get(parent);
    if (found === undefined) entries.set(parent, folderEntry(parent));
    else if (found.entry.type === 'directory') return;
    else {
      const message = `${quote(what)} has ${quote(path)} below the ${found.entry.type} ${quote(parent)}`;
      throw new BuilderError('PATH_UNSAFE', message);
    }
  }
}
