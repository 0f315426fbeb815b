import type { BinaryFile, BinaryPlan } from '../binary/plan-binaries.ts';
import { readSource } from '../files/read-source.ts';
import { addNameSwitch, textContent } from './glue.ts';
import type { ImageTree } from './image-tree.ts';
import { LayerDraft } from './layer-draft.ts';

const root = { uid: 0, gid: 0 };

/** The drafts of the layers of programs of this machine: what they need, and above it the programs themselves. */
export function binaryLayers(
  { files, links, packages }: BinaryPlan,
  tree: ImageTree,
  mtimeSeconds: number,
): { readonly needs: LayerDraft; readonly programs: LayerDraft } {
  const needs = new LayerDraft(tree, mtimeSeconds);
  // Folders behind links come to be where the links lead, whatever the order.
  for (const [path, target] of links) needs.addLink(path, target, root, 'a program');
  for (const file of files) if (!file.isProgram) addFile(needs, file);
  for (const { name, stanza } of packages) {
    const path = `var/lib/dpkg/status.d/${name}`;
    needs.addFile(path, { ...root, mode: 0o644 }, textContent(stanza), `the package ${name}`);
  }
  if (files.some(({ path }) => path.endsWith('/libc.so.6'))) addNameSwitch(needs, tree);
  const programs = new LayerDraft(tree, mtimeSeconds);
  for (const file of files) if (file.isProgram) addFile(programs, file);
  return { needs, programs };
}

function addFile(draft: LayerDraft, file: BinaryFile): void {
  const { path, isExecutable, sizeBytes } = file;
  const content = { sizeBytes, read: () => readSource(file) };
  draft.addFile(path, { ...root, mode: isExecutable ? 0o755 : 0o644 }, content, 'a program');
}
