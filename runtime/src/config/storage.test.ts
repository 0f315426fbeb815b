import test from 'ava';
import { type BindMount, parseBindMount, parseScratchMount, planStorage, scratchBytes } from './storage.ts';

const destinations = (volumes: readonly string[], ...binds: readonly string[]) =>
  planStorage(
    volumes,
    binds.map((text) => parseBindMount(text, '/host')),
  ).map(({ kind, destination }) => `${kind} ${destination}`);

for (const [volumes, binds, expected, reason] of [
  [[], [], ['scratch /tmp', 'scratch /run', 'scratch /var/tmp'], 'the usual folders'],
  [['/data'], [], ['scratch /tmp', 'scratch /run', 'scratch /data', 'scratch /var/tmp'], 'a volume'],
  [
    ['//data/', '/data'],
    [],
    ['scratch /tmp', 'scratch /run', 'scratch /data', 'scratch /var/tmp'],
    'a volume twice',
  ],
  [
    ['/data'],
    ['/x:/data'],
    ['scratch /tmp', 'scratch /run', 'bind /data', 'scratch /var/tmp'],
    'a mount in place of a volume',
  ],
  [
    ['/data/db'],
    ['/x:/data'],
    ['scratch /tmp', 'scratch /run', 'bind /data', 'scratch /var/tmp'],
    'no volume inside of the caller’s folder',
  ],
  [
    [],
    ['/x:/var'],
    ['scratch /tmp', 'scratch /run', 'bind /var'],
    'no /var/tmp inside of the caller’s folder',
  ],
  [
    [],
    ['/x:/run/a/b', '/y:/run'],
    ['scratch /tmp', 'bind /run', 'scratch /var/tmp', 'bind /run/a/b'],
    'parents before children',
  ],
  [['/tmp'], [], ['scratch /run', 'scratch /tmp', 'scratch /var/tmp'], 'a volume at a usual folder'],
] as const) {
  test(`planStorage(): ${reason}`, (t) => {
    t.deepEqual(destinations(volumes, ...binds).sort(), [...expected].sort());
    const depths = destinations(volumes, ...binds).map((text) => text.split('/').length);
    t.deepEqual(depths, depths.toSorted(), 'parents come first');
  });
}

for (const [volumes, binds, reason] of [
  [[], ['/x:/a', '/y:/a/'], 'two mounts at one place'],
  [['/'], [], 'a volume at the root'],
  [['data'], [], 'a relative volume'],
  [Array.from({ length: 129 }, (_, index) => `/v${index}`), [], 'more volumes than any app needs'],
  [['/a/../..'], [], 'a volume with ..'],
  [['/proc/sys'], [], 'a volume in /proc'],
] as const) {
  test(`planStorage() refuses ${reason}`, (t) => {
    t.throws(() => destinations(volumes, ...binds), { code: 'MOUNT_INVALID' });
  });
}

const bind = (source: string, destination: string, readOnly: boolean): BindMount => ({
  kind: 'bind',
  source,
  destination,
  readOnly,
});

for (const [text, expected, reason] of [
  ['/x:/y', bind('/x', '/y', false), 'writable by default'],
  ['/x:/y:ro', bind('/x', '/y', true), 'read-only'],
  ['/x:/y:rw', bind('/x', '/y', false), 'said to be writable'],
  ['./x:/y', bind('/host/x', '/y', false), 'relative to the folder'],
  ['..:/y/', bind('/', '/y', false), 'the folder above'],
] as const) {
  test(`parseBindMount() of ${text}: ${reason}`, (t) => {
    t.deepEqual(parseBindMount(text, '/host'), expected);
  });
}

for (const [text, reason] of [
  ['/x', 'no destination'],
  ['/x:', 'an empty destination'],
  [':/y', 'an empty source'],
  ['name:/y', 'a name instead of a path'],
  ['/x:/y:rx', 'an unknown mode'],
  ['/x:/y:ro:z', 'a fourth part'],
  ['/x:y', 'a relative destination'],
  ['/x:/', 'the root'],
  ['/x:/dev/null', 'a device'],
  ['/x:/sys', 'the kernel’s file system'],
  ['/x:/y/../z', '..'],
] as const) {
  test(`parseBindMount() refuses ${text}: ${reason}`, (t) => {
    t.throws(() => parseBindMount(text, '/host'), { code: 'MOUNT_INVALID' });
  });
}

test('parseScratchMount() reads size, mode and exec', (t) => {
  const start = {
    kind: 'scratch',
    destination: '/c',
    sizeBytes: scratchBytes,
    mode: 0o1777,
    canExecute: false,
  };
  t.deepEqual<unknown, unknown>(parseScratchMount('/c'), start);
  t.deepEqual<unknown, unknown>(parseScratchMount('/c:size=64k,mode=700,exec'), {
    ...start,
    sizeBytes: 65_536,
    mode: 0o700,
    canExecute: true,
  });
});

for (const [text, code, reason] of [
  ['/c:size=', 'LIMIT_INVALID', 'no size'],
  ['/c:', 'MOUNT_INVALID', 'an empty option'],
  ['/c:mode=9', 'MOUNT_INVALID', 'no octal mode'],
  ['/c:suid', 'MOUNT_INVALID', 'an unknown option'],
  ['/proc/x', 'MOUNT_INVALID', 'in /proc'],
] as const) {
  test(`parseScratchMount() refuses ${text}: ${reason}`, (t) => {
    t.throws(() => parseScratchMount(text), { code });
  });
}
