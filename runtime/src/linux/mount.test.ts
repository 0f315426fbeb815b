import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { needsRoot } from '@img/sign/testing/needs';
import { temporaryFolder } from '@img/sign/testing/temporary-folder';
import test from 'ava';
import { RuntimeError } from '../runtime-error.ts';
import { mount, mountFlags, unmount } from './mount.ts';
import { mountAttributes, mountFileSystem } from './mount-file-system.ts';
import { enterPrivateMounts } from './private-mounts.ts';
import { restrictMount } from './restrict-mount.ts';
import { hasErrno, systemCall } from './system-call.ts';

const isRoot = process.geteuid?.() === 0;

// The whole file runs in one child process of AVA, so its private mounts end with it.
test.before(() => {
  if (isRoot) enterPrivateMounts();
});

test('a failed system call names call, arguments and reason, and keeps the reason for programs', (t) => {
  const error = t.throws(() => mount({ source: 'a\u001b[31m', target: '/does/not/exist', type: 'tmpfs' }), {
    instanceOf: RuntimeError,
    code: 'SYSTEM_CALL_FAILED',
  });
  t.regex(error.message, /^mount\("a\\u001b\[31m", "\/does\/not\/exist", "tmpfs", 0, null\) failed: /);
  t.true(hasErrno(error, isRoot ? 'ENOENT' : 'EPERM', 'ENOENT'));
  t.false(hasErrno(error, 'EBUSY'));
  t.false(hasErrno(new Error('other'), 'ENOENT'));
});

test('systemCall() sees the error of a function that returns a 32-bit -1', (t) => {
  t.true(
    hasErrno(
      t.throws(() => systemCall('close', ['int'])(-1)),
      'EBADF',
    ),
  );
});

test('mount() in a private namespace is not seen by other processes', (t) => {
  if (!needsRoot(t)) return;
  const path = temporaryFolder(t);
  mount({ source: 'img', target: path, type: 'tmpfs', flags: mountFlags.noSuid, data: 'size=64k,mode=700' });
  writeFileSync(join(path, 'inside'), '');
  t.true(readFileSync('/proc/thread-self/mountinfo', 'utf8').includes(path));
  t.false(readFileSync(`/proc/${process.ppid}/mountinfo`, 'utf8').includes(path));
  unmount(path);
  t.deepEqual(readdirSync(path), []);
});

test('mountFileSystem() passes options one by one, with any character in them', (t) => {
  if (!needsRoot(t)) return;
  const path = temporaryFolder(t);
  mountFileSystem({
    type: 'tmpfs',
    target: path,
    options: [
      ['source', 'a,b=c'],
      ['size', '64k'],
    ],
    attributes: mountAttributes.noDev | mountAttributes.readOnly,
  });
  const line = readFileSync('/proc/thread-self/mountinfo', 'utf8')
    .split('\n')
    .find((text) => text.includes(path));
  t.regex(line ?? '', / ro,nodev,relatime - tmpfs a,b=c /);
  unmount(path);
});

test('mountFileSystem() reports what the kernel says about a refused option', (t) => {
  if (!needsRoot(t)) return;
  const path = temporaryFolder(t);
  const error = t.throws(
    () => mountFileSystem({ type: 'tmpfs', target: path, options: [['size', 'much']] }),
    { code: 'SYSTEM_CALL_FAILED' },
  );
  t.regex(error.message, /fsconfig\(.*"size", "much".*\) failed: .*EINVAL.*the kernel says: .*size/);
});

test('mountFileSystem() leaves no descriptor open, also when it fails', (t) => {
  if (!needsRoot(t)) return;
  const path = temporaryFolder(t);
  const count = () => readdirSync('/proc/self/fd').length;
  const before = count();
  t.throws(() => mountFileSystem({ type: 'no-such-file-system', target: path, options: [] }));
  t.throws(() => mountFileSystem({ type: 'tmpfs', target: join(path, 'absent'), options: [] }));
  mountFileSystem({ type: 'tmpfs', target: path, options: [] });
  unmount(path);
  t.is(count(), before);
});

test('restrictMount() adds attributes and takes none away', (t) => {
  if (!needsRoot(t)) return;
  const target = temporaryFolder(t);
  mountFileSystem({ type: 'tmpfs', target, options: [], attributes: mountAttributes.noExec });
  t.teardown(() => unmount(target));
  restrictMount(target, mountAttributes.readOnly | mountAttributes.noDev);
  const line = readFileSync('/proc/thread-self/mountinfo', 'utf8')
    .split('\n')
    .find((text) => text.includes(` ${target} `));
  t.regex(line ?? '', / ro,nodev,noexec,/);
});
