import { Buffer } from 'node:buffer';
import type { Alternative } from '../deb/alternatives.ts';
import { mergedPath } from '../deb/package-entry.ts';
import type { PackageLayer } from '../layers/package-layers.ts';
import type { ImageTree } from './image-tree.ts';
import { type DraftContent, type LayerDraft, usualFolder } from './layer-draft.ts';
import type { Users } from './users.ts';

const ordinary = { mode: 0o644, uid: 0, gid: 0 };

/**
 * How glibc looks names up, for images that have it and no file that says so: the hosts file before DNS. (Its
 * own default asks DNS for `localhost` first.)
 */
const nameSwitch = [
  'passwd: files',
  'group: files',
  'shadow: files',
  'hosts: files dns',
  'networks: files',
  'protocols: files',
  'services: files',
  '',
].join('\n');

/** Adds what depends on several packages, or on packages and the recipe, so that none of their layers has it. */
export function addGlue(
  draft: LayerDraft,
  tree: ImageTree,
  layers: readonly PackageLayer[],
  users: Users,
): void {
  for (const alternative of chooseAlternatives(layers)) addAlternative(draft, tree, alternative);
  if (layers.some((layer) => layer.package.name === 'libc6')) addNameSwitch(draft, tree);
  for (const [path, text] of users.changedFiles) {
    draft.addFile(path, ordinary, textContent(text), 'the list of users');
  }
  if (users.created !== undefined) {
    const owner = users.resolve({ user: users.created, group: undefined });
    draft.addFolder(`home/${users.created}`, { ...usualFolder, ...owner }, `the user ${users.created}`);
  }
}

/** Adds how glibc looks names up, unless something says it already. */
export function addNameSwitch(draft: LayerDraft, tree: ImageTree): void {
  if (tree.get('etc/nsswitch.conf') !== undefined) return;
  draft.addFile('etc/nsswitch.conf', ordinary, textContent(nameSwitch), 'the name service switch');
}

/**
 * The alternative of the highest priority for each name, as update-alternatives chooses in automatic mode; of
 * equal ones the first package's.
 */
function chooseAlternatives(layers: readonly PackageLayer[]): readonly Alternative[] {
  const chosen = new Map<string, Alternative>();
  for (const alternative of layers.flatMap((layer) => layer.notes.alternatives)) {
    const before = chosen.get(alternative.name);
    if (before === undefined || alternative.priority > before.priority)
      chosen.set(alternative.name, alternative);
  }
  return [...chosen.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** A link of the alternatives system leads to /etc/alternatives and from there to what was chosen. */
function addAlternative(draft: LayerDraft, tree: ImageTree, alternative: Alternative): void {
  for (const { name, link, path } of [alternative, ...alternative.slaves]) {
    const place = mergedPath(link.slice(1));
    // A file that a package has there counts more, as it does for update-alternatives.
    if (tree.get(place) !== undefined) continue;
    const owner = { uid: 0, gid: 0 };
    draft.addLink(`etc/alternatives/${name}`, path, owner, `the alternative ${name}`);
    draft.addLink(place, `/etc/alternatives/${name}`, owner, `the alternative ${name}`);
  }
}

export function textContent(text: string): DraftContent {
  const bytes = Buffer.from(text);
  return { sizeBytes: bytes.byteLength, read: () => [bytes] };
}
