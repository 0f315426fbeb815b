import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readControlGroups } from '@img/runtime/state/control-groups';
import { faultsInStore } from './folder-state.ts';
import type { TestHost } from './test-host.ts';

/**
 * What is left of a host's commands while none of them runs: mounts in any process, processes, records, control
 * groups, temporary files, half a blob. Empty if all is well.
 *
 * @param containers ids whose control groups must be gone
 */
export function leftBehind(host: TestHost, containers: readonly string[] = []): readonly string[] {
  const groups = readControlGroups().roots.flatMap((root) => {
    return containers.map((id) => join(root, `img-${id}`)).filter((path) => existsSync(path));
  });
  return [
    ...mountsBelow(host.folder),
    ...processesOf(host).map((pid) => `process ${pid}`),
    ...containerIds(host).map((id) => `container ${id}`),
    ...filesIn(join(host.runFolder, 'bundle')).map((name) => `in the bundle: ${name}`),
    ...groups,
    ...filesIn(host.temporary).map((name) => `temporary ${name}`),
    ...faultsInStore(host.root).map((path) => `in the store: ${path}`),
  ];
}

/** The containers of which a host has a record, or its runtimes a state. */
export function containerIds({ runFolder }: TestHost): readonly string[] {
  const folders = ['containers', 'runtimes/crun', 'runtimes/runc', 'runtimes/nspawn'].map((name) =>
    join(runFolder, name),
  );
  return [...new Set(folders.flatMap(filesIn))];
}

/** The processes, whoever their parent is now, that were started with the host's folders. */
export function processesOf({ root }: TestHost): readonly number[] {
  return pids().filter((pid) => readOf(pid, 'environ').split('\0').includes(`IMG_ROOT=${root}`));
}

function mountsBelow(folder: string): readonly string[] {
  const seen = new Set<string>();
  for (const pid of pids()) {
    for (const line of readOf(pid, 'mountinfo').split('\n')) if (line.includes(folder)) seen.add(line);
  }
  return [...seen].map((line) => `mount ${line}`);
}

function pids(): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

// Empty for a process that has just ended.
function readOf(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return '';
  }
}

function filesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
