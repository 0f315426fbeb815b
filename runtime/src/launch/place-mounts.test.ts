import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '@img/sign/testing/temporary-folder';
import test, { type ExecutionContext } from 'ava';
import { type BindMount, planStorage } from '../config/storage.ts';
import { placeMounts } from './place-mounts.ts';

function tree(t: ExecutionContext): string {
  const root = join(temporaryFolder(t), 'root');
  mkdirSync(join(root, 'run'), { recursive: true });
  mkdirSync(join(root, 'data/sub'), { recursive: true });
  mkdirSync(join(root, 'var'));
  symlinkSync('/run', join(root, 'var/run'));
  symlinkSync('data', join(root, 'link'));
  symlinkSync('/', join(root, 'all'));
  writeFileSync(join(root, 'file'), '');
  return root;
}

const bind = (destination: string, source = '/etc'): BindMount => ({
  kind: 'bind',
  source,
  destination,
  readOnly: true,
});

const placesOf = (t: ExecutionContext, binds: readonly BindMount[], volumes: readonly string[] = []) =>
  placeMounts(tree(t), planStorage(volumes, binds)).map(
    ({ mount, inside }) => `${mount.kind} ${mount.destination}${inside === undefined ? ' covered' : ''}`,
  );

const usual = ['scratch /tmp', 'scratch /run', 'scratch /var/tmp'];

for (const [binds, volumes, expected, reason] of [
  [[], [], usual, 'the usual folders'],
  [[bind('/var/run/a')], [], [...usual, 'bind /run/a covered'], 'a link into another mount'],
  [
    [bind('/var/run')],
    [],
    ['scratch /tmp', 'bind /run', 'scratch /var/tmp'],
    'the caller’s mount at the place of a usual one',
  ],
  [[], ['/var/run'], usual, 'a volume at the place of a usual one'],
  [[bind('/link/x')], [], [...usual, 'bind /data/x'], 'a link of the image'],
  [
    [bind('/data'), bind('/data/sub')],
    [],
    [...usual, 'bind /data', 'bind /data/sub covered'],
    'a mount below a mount',
  ],
  [
    [bind('/link'), bind('/link/sub/y')],
    [],
    [...usual, 'bind /data', 'bind /data/sub/y covered'],
    'both through a link',
  ],
] as const) {
  test(`placeMounts(): ${reason}`, (t) => {
    t.deepEqual(placesOf(t, binds, volumes).toSorted(), [...expected].toSorted());
  });
}

for (const [destination, source, message, reason] of [
  ['/all', '/etc', /leads to "\/"/, 'a link to the root'],
  ['/all/proc', '/etc', /leads to "\/proc"/, 'a link to the kernel’s'],
  ['/file', '/etc', /no folder/, 'a folder over a file'],
  ['/data', '/etc/passwd', /a folder in this image/, 'a file over a folder'],
  ['/data', '/no/such', /"\/no\/such" does not exist/, 'no source'],
] as const) {
  test(`placeMounts() refuses ${reason}`, (t) => {
    t.throws(() => placesOf(t, [bind(destination, source)]), { code: 'MOUNT_INVALID', message });
  });
}
