import type { FoundPackage, Inventory } from './inventory.ts';

/** How one image differs from another. */
export type InventoryDiff = {
  readonly added: readonly FoundPackage[];
  readonly removed: readonly FoundPackage[];
  /** In both, in another version. */
  readonly changed: readonly { readonly before: FoundPackage; readonly after: FoundPackage }[];
  readonly files: { readonly added: number; readonly removed: number; readonly changed: number };
  /** Bytes of files that are more, or negative for less. */
  readonly sizeBytes: number;
};

/** What a second image has that a first one doesn't, and the other way round. Files are compared by their
 * digests; images must have been looked through with them. */
export function diffInventories(before: Inventory, after: Inventory): InventoryDiff {
  const [old, current] = [byKey(before.packages), byKey(after.packages)];
  const changed = [...current].flatMap(([key, found]) => {
    const was = old.get(key);
    return was === undefined || was.version === found.version ? [] : [{ before: was, after: found }];
  });
  const paths = new Set([...before.files.keys(), ...after.files.keys()]);
  const files = { added: 0, removed: 0, changed: 0 };
  for (const path of paths) {
    const [a, b] = [before.files.get(path), after.files.get(path)];
    if (a === undefined) files.added += 1;
    else if (b === undefined) files.removed += 1;
    else if (a.digest !== b.digest) files.changed += 1;
  }
  return {
    added: [...current].flatMap(([key, found]) => (old.has(key) ? [] : [found])),
    removed: [...old].flatMap(([key, found]) => (current.has(key) ? [] : [found])),
    changed,
    files,
    sizeBytes: sizeOf(after) - sizeOf(before),
  };
}

/** By what stays when a version changes. Several versions of an npm package are told apart by their places. */
function byKey(packages: readonly FoundPackage[]): ReadonlyMap<string, FoundPackage> {
  return new Map(packages.map((found) => [keyOf(found), found]));
}

function keyOf({ type, name, architecture = '', path }: FoundPackage): string {
  return [type, name, architecture, type === 'npm' ? path : ''].join('\0');
}

function sizeOf({ files }: Inventory): number {
  return files.values().reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
}
