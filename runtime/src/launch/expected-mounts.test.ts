import type { RuntimeConfig } from '@img/spec/runtime-config';
import test from 'ava';
import { expectedMounts } from './expected-mounts.ts';

const config = {
  mounts: [
    { destination: '/.', type: 'bind', source: '/b/rootfs', options: ['bind', 'remount', 'nodev'] },
    { destination: '/proc', type: 'proc', source: 'proc', options: ['nosuid', 'noexec', 'nodev'] },
    {
      destination: '/sys/fs/cgroup',
      type: 'cgroup',
      source: 'cgroup',
      options: ['nosuid', 'relatime', 'ro'],
    },
    { destination: '/a b\\c', type: 'bind', source: '/x', options: ['bind', 'ro', 'rprivate', 'nosuid'] },
    { destination: '/d', type: 'bind', source: '/y', options: ['rbind', 'ro', 'nosuid'] },
  ],
  linux: { maskedPaths: ['/proc/kcore', '/proc/nothing'], readonlyPaths: ['/proc/sys'] },
} as unknown as RuntimeConfig;

test('expectedMounts() puts together what must look the same', (t) => {
  t.deepEqual(
    expectedMounts(config, (path) => path !== '/proc/nothing'),
    [
      { kind: 'proc', attributes: ['nosuid', 'nodev', 'noexec'], targets: ['/proc'] },
      { kind: 'any', attributes: ['nosuid'], targets: ['/sys/fs/cgroup'] },
      { kind: 'any', attributes: ['ro', 'nosuid'], targets: ['/a\\040b\\134c', '/d'] },
      { kind: 'masked', attributes: [], targets: ['/proc/kcore'] },
      { kind: 'any', attributes: ['ro'], targets: ['/proc/sys'] },
    ],
  );
});

test('expectedMounts() demands to hide only what the kernel has', (t) => {
  const kinds = expectedMounts(config, () => false).map(({ kind }) => kind);
  t.deepEqual(kinds, ['proc', 'any', 'any']);
});
