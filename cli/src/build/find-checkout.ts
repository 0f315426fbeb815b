import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

/** Annotations that say where something is from. */
export type CheckoutAnnotations = { readonly [key: string]: string };

/** What git says of the checkout that a folder is in; nothing where it is in none, has no commit, or git is missing. */
export async function findCheckout(folder: string): Promise<CheckoutAnnotations> {
  if (!isInCheckout(resolve(folder))) return {};
  const { gitAnnotations } = await import('@img/builder/output/git-annotations');
  return await gitAnnotations(folder).catch(() => ({}));
}

/** Looks for what git would look for, so that most builds elsewhere need not start it. */
function isInCheckout(folder: string): boolean {
  if (existsSync(join(folder, '.git'))) return true;
  const parent = dirname(folder);
  return parent !== folder && isInCheckout(parent);
}
