import { Buffer } from 'node:buffer';
import { quote } from '@img/spec/quote';
import { BuilderError } from '../builder-error.ts';
import { parseControl } from '../debian/control.ts';
import type { DebianPackage } from '../debian/package.ts';
import { findSlice } from '../debian/package-slice.ts';
import type { TarItem } from '../tar/encode-tar.ts';
import { type Alternative, readAlternatives } from './alternatives.ts';
import { applyRecipe } from './apply-recipe.ts';
import { layerItems } from './layer-items.ts';
import { mergedPath, type PackageEntry, packageEntries } from './package-entry.ts';
import type { DebContent } from './read-deb.ts';
import { recipeOf } from './recipes.ts';
import { scannerEntries } from './scanner-entries.ts';
import { readShebang, type Shebang, shebangBytes } from './shebang.ts';

/** A package as a layer, and what the image as a whole must know of it. */
export type ConvertedPackage = {
  /** What the layer's tar holds, sorted by path; contents are read from the .deb as they are written. */
  readonly items: readonly TarItem[];
  /** When the package was built, in seconds since 1970: the newest time in its data. */
  readonly builtSeconds: number;
  /** The alternatives that it offers, as far as they lead to a file of its own. */
  readonly alternatives: readonly Alternative[];
  /** Programs that are scripts. */
  readonly scripts: readonly Script[];
};

/** A program that is a script, and what runs it. */
export type Script = Shebang & { readonly path: string };

/** The end of the year 9999, the last one that RFC 3339 can write. */
export const latestSeconds = 253_402_300_799;

type ReadEntry = (entry: PackageEntry, maxBytes?: number) => Promise<Uint8Array>;

/**
 * Converts a .deb to a layer: a pure function of the package and the profile. No script of the package is run.
 *
 * @throws BuilderError DEB_INVALID, PATH_UNSAFE
 */
export async function convertDeb(deb: DebContent, wanted: DebianPackage): Promise<ConvertedPackage> {
  const what = `${wanted.name} ${wanted.version}`;
  const control = textOf(deb, 'control') ?? '';
  checkControl(control, wanted, what);
  const read: ReadEntry = async ({ entry, content }, maxBytes = entry.sizeBytes) => {
    if (content?.kind !== 'archived') return content?.bytes ?? new Uint8Array();
    return Buffer.concat(
      await Array.fromAsync(deb.read(content.offset, Math.min(maxBytes, entry.sizeBytes))),
    );
  };
  const unpacked = new Map(packageEntries(deb.entries, what));
  const slice = findSlice(wanted.name, wanted.slice ?? '');
  for (const path of [...unpacked.keys()]) if (slice?.drops.test(path)) unpacked.delete(path);
  const entries = await applyRecipe(recipeOf(wanted.name), unpacked, {
    architecture: wanted.architecture,
    read,
  });
  for (const added of scannerEntries(wanted, control, textOf(deb, 'md5sums'), entries)) {
    entries.set(added.entry.path, added);
  }
  return {
    items: layerItems(entries, deb.read, what),
    builtSeconds: newestTime(deb),
    alternatives: readAlternatives(textOf(deb, 'postinst') ?? '').flatMap((alternative) => {
      return withOwnFiles(alternative, entries) ?? [];
    }),
    scripts: await findScripts(entries, read),
  };
}

function newestTime({ entries }: DebContent): number {
  const newest = entries.reduce((time, { mtimeSeconds }) => Math.max(time, mtimeSeconds), 0);
  return Math.min(newest, latestSeconds);
}

/** What the index said of the package must be what the package says of itself. */
function checkControl(control: string, wanted: DebianPackage, what: string): void {
  const [stanza] = parseControl(control, `control file of ${quote(what)}`, 'DEB_INVALID');
  for (const field of ['Package', 'Version', 'Architecture'] as const) {
    const key = field === 'Package' ? 'name' : (field.toLowerCase() as 'version' | 'architecture');
    const found = stanza?.get(field.toLowerCase());
    if (found !== wanted[key]) {
      const message = `${quote(what)} says that its ${field} is ${quote(found)}, the archive's index says ${quote(wanted[key])}`;
      throw new BuilderError('DEB_INVALID', message);
    }
  }
}

/** An alternative without the links to what the package doesn't have or what was left out. */
function withOwnFiles(
  alternative: Alternative,
  entries: ReadonlyMap<string, PackageEntry>,
): Alternative | undefined {
  const isOwn = ({ path }: { readonly path: string }) => entries.has(mergedPath(path.slice(1)));
  if (!isOwn(alternative)) return undefined;
  return { ...alternative, slaves: alternative.slaves.filter(isOwn) };
}

async function findScripts(
  entries: ReadonlyMap<string, PackageEntry>,
  read: ReadEntry,
): Promise<readonly Script[]> {
  const scripts: Script[] = [];
  for (const program of entries.values()) {
    const { type, path, mode } = program.entry;
    if (type !== 'file' || (mode & 0o111) === 0) continue;
    const shebang = readShebang(await read(program, shebangBytes));
    if (shebang !== undefined) scripts.push({ path, ...shebang });
  }
  return scripts;
}

function textOf(deb: DebContent, name: string): string | undefined {
  const bytes = deb.control.get(name);
  return bytes === undefined ? undefined : new TextDecoder().decode(bytes);
}
