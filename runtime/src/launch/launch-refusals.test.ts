import { existsSync } from 'node:fs';
import { needsRoot, needsTool } from '@img/sign/testing/needs';
import test from 'ava';
import { assertNothingLeft, type LaunchCase, run } from '../testing/launch-harness.ts';

for (const [name, options, code, message] of [
  [
    'an unknown program',
    { image: { config: { cmd: ['no-such'] } } },
    'COMMAND_NOT_FOUND',
    /has no program "no-such"/,
  ],
  [
    'a program that is a folder',
    { image: { config: { cmd: ['/bin'] } } },
    'COMMAND_NOT_FOUND',
    /is no program/,
  ],
  ['an unknown user', { options: { user: 'bob' } }, 'USER_UNKNOWN', /user "bob"/],
  [
    'a working folder that is a file',
    { image: { config: { workingDir: '/bin/sh' } } },
    'WORKING_DIR_INVALID',
    /no folder/,
  ],
  [
    'a working folder that is a link to the kernel’s',
    { image: { config: { workingDir: '/w' } }, files: { w: { link: 'proc/self/fd/7' } } },
    'WORKING_DIR_INVALID',
    /"\/proc\/self\/fd\/7"/,
  ],
  [
    'a passwd file that leads nowhere good',
    { files: { 'etc/passwd': { link: '/bin' } }, options: { user: 'app' } },
    'USER_INVALID',
    /no regular file/,
  ],
  [
    'a mount source that does not exist',
    { options: { mounts: [{ kind: 'bind', source: '/no/such', destination: '/x', readOnly: true }] } },
    'MOUNT_INVALID',
    /"\/no\/such" does not exist/,
  ],
  [
    'a folder mounted over a file',
    { options: { mounts: [{ kind: 'bind', source: '/etc', destination: '/bin/sh', readOnly: true }] } },
    'MOUNT_INVALID',
    /is no folder/,
  ],
  [
    'a mount that a link leads to /proc',
    {
      files: { p: { link: 'proc' } },
      options: { mounts: [{ kind: 'bind', source: '/etc', destination: '/p/x', readOnly: true }] },
    },
    'MOUNT_INVALID',
    /leads to "\/proc\/x"/,
  ],
  [
    'links in a circle',
    {
      files: { a: { link: 'b' }, b: { link: 'a' } },
      options: { mounts: [{ kind: 'bind', source: '/etc', destination: '/a', readOnly: true }] },
    },
    'MOUNT_INVALID',
    /more than 40 links/,
  ],
  [
    'an image of another platform',
    { image: { platform: { os: 'linux', architecture: 's390x' } } },
    'PLATFORM_MISMATCH',
    /s390x/,
  ],
  [
    'a secret that does not exist',
    { options: { secrets: [{ name: 'db', source: '/no/such' }] } },
    'SECRET_INVALID',
    /secret db can't be read from "\/no\/such": ENOENT/,
  ],
  [
    'a secret that is a device',
    { options: { secrets: [{ name: 'db', source: '/dev/zero' }] } },
    'SECRET_INVALID',
    /it is no file/,
  ],
  ['a terminal without one', { options: { hasTerminal: true } }, 'TERMINAL_REQUIRED', /terminal/],
] as const satisfies readonly (readonly [string, LaunchCase, string, RegExp])[]) {
  test(`launch() refuses ${name} and leaves nothing`, async (t) => {
    if (!needsRoot(t) || !needsTool(t, 'crun') || !needsTool(t, 'busybox')) return;
    const result = await run(t, 'crun', 'echo started', options);
    t.is(result.code, 70);
    t.is(result.stdout, '');
    t.regex(result.stderr, new RegExp(`^RuntimeError ${code}: `));
    t.regex(result.stderr, message);
    if (existsSync(result.runFolder)) assertNothingLeft(t, result.runFolder);
  });
}
