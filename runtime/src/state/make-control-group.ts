import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RuntimeResources } from '@img/spec/runtime-config';
import type { ControlGroups } from './control-groups.ts';
import { limitFiles } from './limit-files.ts';

/**
 * Makes a control group in every hierarchy, with limits, and brings a process into it, for a launcher that makes none.
 * What is there already stays.
 *
 * @param name of the group, below the root of each hierarchy
 */
export function makeControlGroup(
  { mode, root, roots }: Pick<ControlGroups, 'mode' | 'root' | 'roots'>,
  name: string,
  {
    resources,
    pageBytes,
    pid,
  }: { readonly resources: RuntimeResources; readonly pageBytes: number; readonly pid: number },
): void {
  const limits = limitFiles(resources, { mode, root }, name, pageBytes);
  if (mode === 'v2')
    giveControllers(
      root,
      limits.map(({ controller }) => controller),
    );
  for (const hierarchy of roots) {
    mkdirSync(join(hierarchy, name), { recursive: true });
    giveProcessors(hierarchy, name);
  }
  for (const { path, value } of limits) writeFileSync(path, value, { flag: 'r+' });
  for (const hierarchy of roots) {
    writeFileSync(join(hierarchy, name, 'cgroup.procs'), String(pid), { flag: 'r+' });
  }
}

// cgroups(7): a controller is there in the groups of one that lists it.
function giveControllers(root: string, controllers: readonly string[]): void {
  const path = join(root, 'cgroup.subtree_control');
  const given = readFileSync(path, 'utf8').trim().split(' ');
  for (const name of controllers.filter((controller) => !given.includes(controller))) {
    writeFileSync(path, `+${name}`, { flag: 'r+' });
  }
}

// A new group of the old controller has no processor and no memory, and nobody can enter it.
function giveProcessors(hierarchy: string, name: string): void {
  for (const file of ['cpuset.cpus', 'cpuset.mems']) {
    const own = join(hierarchy, name, file);
    if (!existsSync(own) || !existsSync(join(hierarchy, file))) continue;
    if (readFileSync(own, 'utf8').trim() !== '') continue;
    writeFileSync(own, readFileSync(join(hierarchy, file)), { flag: 'r+' });
  }
}
