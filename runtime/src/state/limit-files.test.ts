import test from 'ava';
import { limitFiles } from './limit-files.ts';

const resources = {
  devices: [],
  memory: { limit: 100_000_000 },
  cpu: { quota: 50_000, period: 100_000 },
  pids: { limit: 7 },
};
const root = '/sys/fs/cgroup';

test('limitFiles() of one hierarchy per controller', (t) => {
  t.deepEqual(limitFiles(resources, { mode: 'hybrid', root }, '/img-1', 4096), [
    { controller: 'memory', path: `${root}/memory/img-1/memory.limit_in_bytes`, value: '99999744' },
    { controller: 'cpu', path: `${root}/cpu/img-1/cpu.cfs_quota_us`, value: '50000' },
    { controller: 'pids', path: `${root}/pids/img-1/pids.max`, value: '7' },
  ]);
});

test('limitFiles() of the unified hierarchy', (t) => {
  t.deepEqual(
    limitFiles(resources, { mode: 'v2', root }, '/img-1', 4096).map(({ path, value }) => [path, value]),
    [
      [`${root}/img-1/memory.max`, '99999744'],
      [`${root}/img-1/cpu.max`, '50000 100000'],
      [`${root}/img-1/pids.max`, '7'],
    ],
  );
});

test('limitFiles() of a group without limits', (t) => {
  t.deepEqual(limitFiles({ devices: [] }, { mode: 'v2', root }, '/img-1', 4096), []);
});

for (const [pageBytes, value, reason] of [
  [4096, '99999744', 'most machines'],
  [16_384, '99991552', 'some arm64'],
  [65_536, '99942400', 'other arm64'],
] as const) {
  test(`limitFiles() rounds memory to pages of ${pageBytes} bytes: ${reason}`, (t) => {
    const [memory] = limitFiles(resources, { mode: 'v2', root }, '/img-1', pageBytes);
    t.is(memory?.value, value);
    t.is(Number(value) % pageBytes, 0);
  });
}
