import { interpreterPackages } from '../deb/recipes.ts';
import type { PackageLayer } from '../layers/package-layers.ts';
import type { ImageTree } from './image-tree.ts';
import { lookUpProgram, type Start } from './program.ts';

export type ImpliedPackage = {
  readonly name: string;
  /** Why it is needed, as the end of a sentence. */
  readonly reason: string;
};

/**
 * Packages that the started program needs without saying so: if it is a script, what Debian takes for granted
 * there. Other scripts don't count: hardly an image is without one, and one that never runs is no reason to
 * have a shell.
 */
export function impliedPackages(
  start: Start | undefined,
  { layers, tree }: { readonly layers: readonly PackageLayer[]; readonly tree: ImageTree },
): readonly ImpliedPackage[] {
  const program = start === undefined ? undefined : lookUpProgram(tree, start);
  const script = layers.flatMap((layer) => layer.notes.scripts).find(({ path }) => path === program);
  if (script === undefined) return [];
  const lookedUp = script.lookedUp === undefined ? [] : [`/usr/bin/${script.lookedUp}`];
  return [script.interpreter, ...lookedUp].flatMap((interpreter) => {
    const path = tree.resolve(interpreter);
    if (tree.get(path) !== undefined || !Object.hasOwn(interpreterPackages, path)) return [];
    const reason = `/${script.path}, which the image starts, is a script for ${interpreter}`;
    return (interpreterPackages[path] ?? []).map((name) => ({ name, reason }));
  });
}
