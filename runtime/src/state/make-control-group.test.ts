import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '@img/sign/testing/temporary-folder';
import test from 'ava';
import { makeControlGroup } from './make-control-group.ts';

// Where the kernel makes these files by itself, they are made before.
function hierarchy(root: string, files: { readonly [path: string]: string }): void {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(join(root, path, '..'), { recursive: true });
    writeFileSync(join(root, path), content);
  }
}

const resources = {
  devices: [],
  memory: { limit: 10_000_000 },
  cpu: { quota: 50_000, period: 100_000 },
  pids: { limit: 7 },
};
const request = { resources, pageBytes: 4096, pid: 123 };

test('makeControlGroup() makes it in each hierarchy, with processors to run on, and the limits before the process', (t) => {
  const root = temporaryFolder(t);
  hierarchy(root, {
    'memory/a/memory.limit_in_bytes': '',
    'memory/a/cgroup.procs': '',
    'cpu/a/cpu.cfs_quota_us': '',
    'cpu/a/cgroup.procs': '',
    'pids/a/pids.max': '',
    'pids/a/cgroup.procs': '',
    'cpuset/cpuset.cpus': '0-1\n',
    'cpuset/cpuset.mems': '0\n',
    'cpuset/a/cpuset.cpus': '\n',
    'cpuset/a/cpuset.mems': '0\n',
    'cpuset/a/cgroup.procs': '',
  });
  const roots = ['memory', 'cpu', 'pids', 'cpuset'].map((name) => join(root, name));
  makeControlGroup({ mode: 'v1', root, roots }, 'a', request);
  const read = (path: string) => readFileSync(join(root, path), 'utf8');
  t.is(read('memory/a/memory.limit_in_bytes'), '9998336');
  t.is(read('cpu/a/cpu.cfs_quota_us'), '50000');
  t.is(read('pids/a/pids.max'), '7');
  t.is(read('cpuset/a/cpuset.cpus'), '0-1\n');
  for (const path of roots) t.is(readFileSync(join(path, 'a/cgroup.procs'), 'utf8'), '123');
});

test('makeControlGroup() gives the controllers to groups of the unified hierarchy', (t) => {
  const root = temporaryFolder(t);
  hierarchy(root, {
    'cgroup.subtree_control': 'memory pids\n',
    'a/memory.max': '',
    'a/cpu.max': '',
    'a/pids.max': '',
    'a/cgroup.procs': '',
  });
  makeControlGroup({ mode: 'v2', root, roots: [root] }, 'a', request);
  t.regex(readFileSync(join(root, 'cgroup.subtree_control'), 'utf8'), /^\+cpu/);
  t.is(readFileSync(join(root, 'a/cpu.max'), 'utf8'), '50000 100000');
  t.is(readFileSync(join(root, 'a/cgroup.procs'), 'utf8'), '123');
});
