import test from 'ava';
import type { RunOptions } from '../config/run-options.ts';
import { checkLauncher, checkNspawnMounts, type LaunchWishes, launcherLimits } from './launcher-table.ts';

const plain: LaunchWishes = { options: {}, isDetached: false, isInUnit: false, isUser: false };

const bind = (destination: string): RunOptions => ({
  mounts: [{ kind: 'bind', source: '/srv', destination, readOnly: false }],
});

const wishes: readonly (readonly [wish: Partial<LaunchWishes>, said: RegExp, reason: string])[] = [
  [{ isDetached: true }, /--detach/, 'conmon has no way to wait for it'],
  [{ isInUnit: true }, /img install/, 'systemd would watch nspawn, not the app'],
  [{ isUser: true }, /users other than root/, 'it says so itself'],
  [
    { options: { network: 'bridge' } },
    /--net bridge, --publish/,
    'a sweep would do the same at the same time',
  ],
  [{ options: { hasTerminal: true } }, /--tty/, 'three keys end the app'],
  [{ options: { insecure: ['capability:SYS_ADMIN'] } }, /SYS_ADMIN/, 'nspawn itself makes namespaces'],
  [
    { options: { insecure: ['capability:MKNOD'] } },
    /MKNOD/,
    'nothing denies devices but that there are none',
  ],
  [{ options: bind('/run') }, /a volume at \/run/, 'nspawn writes in /run'],
  [{ options: bind('/run/host/x') }, /a volume at \/run/, 'what nspawn mounts there would cover it'],
  [{ options: bind('/run/systemd') }, /a volume at \/run/, 'it would cover what nspawn needs'],
];

for (const [wish, said, reason] of wishes) {
  test(`checkLauncher() refuses for nspawn ${JSON.stringify(wish)}: ${reason}`, (t) => {
    const error = t.throws(() => checkLauncher('nspawn', { ...plain, ...wish }), { code: 'RUNTIME_LACKS' });
    t.regex(error?.message ?? '', said);
    t.notThrows(() => checkLauncher('crun', { ...plain, ...wish }));
    t.notThrows(() => checkLauncher('runc', { ...plain, ...wish }));
  });
}

test('checkLauncher() names everything at once, and who can', (t) => {
  const options = { network: 'bridge', hasTerminal: true } as const;
  t.throws(() => checkLauncher('nspawn', { ...plain, options, isDetached: true }), {
    message:
      /^nspawn can't do what was asked: --detach \(.+\); --net bridge, --publish \(.+\); --tty \(.+\)$/,
  });
  const error = t.throws(() => checkLauncher('nspawn', { ...plain, options }));
  t.is(
    (error as { hint?: string }).hint,
    'leave that out, or take crun or runc; on Debian: apt-get install crun',
  );
});

test('checkLauncher() refuses nothing that a launcher honours', (t) => {
  const options: LaunchWishes['options'] = {
    network: 'host',
    insecure: ['seccomp', 'privileges', 'kernel-files', 'capability:NET_ADMIN', 'device:/dev/fuse'],
    mounts: [
      { kind: 'bind', source: '/srv', destination: '/run/app', readOnly: true },
      { kind: 'scratch', destination: '/run', sizeBytes: 1, mode: 0o755, canExecute: false },
    ],
  };
  t.notThrows(() => checkLauncher('nspawn', { ...plain, options }));
});

test('checkNspawnMounts() refuses what links of the image lead to where nspawn keeps things', (t) => {
  const tmpfs = (destination: string) => ({ destination, type: 'tmpfs', source: 'tmpfs' });
  const bound = (destination: string, source: string) => ({ destination, type: 'bind', source });
  const check = (...mounts: Parameters<typeof checkNspawnMounts>[0]) => checkNspawnMounts(mounts, '/b');
  t.notThrows(() => check(tmpfs('/run'), tmpfs('/run/hostess'), bound('/run/secrets', '/srv')));
  t.notThrows(() => check(bound('/run', '/b/scratch/0-merged')), 'what the image has there, in memory');
  for (const [mount, said] of [
    [tmpfs('/run/host'), /"\/run\/host"/],
    [bound('/run/systemd/x', '/srv'), /"\/run\/systemd\/x"/],
    [bound('/run', '/srv'), /"\/run"/],
    [bound('/run', '/bc'), /"\/run"/],
  ] as const) {
    t.throws(() => check(tmpfs('/tmp'), mount), { code: 'RUNTIME_LACKS', message: said });
  }
});

test('every limit of a launcher says what and why', (t) => {
  const said = launcherLimits.map(({ what }) => what);
  t.is(new Set(said).size, said.length);
  for (const { what, reason } of launcherLimits) t.true(what !== '' && reason.length > 10, what);
});
