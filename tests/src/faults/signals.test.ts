import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdir, readdir, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { LayerCache } from '@img/builder/layers/layer-cache';
import { programPath } from '@img/cli/testing/run-img';
import { needsTool } from '@img/sign/testing/needs';
import test from 'ava';
import { setDoubleStage } from '../testing/double-stage.ts';
import { startImg, withVariables } from '../testing/instance.ts';
import { killAtChange } from '../testing/kill-at.ts';
import { leftBehind } from '../testing/left-behind.ts';
import { canRunShellApp, writeShellApp } from '../testing/shell-app.ts';
import { putSignedShellImage } from '../testing/shell-image.ts';

/** The processes that any thread of a process has started. */
function childrenOf(pid = 0): readonly number[] {
  const tasks = `/proc/${pid}/task`;
  return readdirSync(tasks).flatMap((task) => {
    const children = readFileSync(join(tasks, task, 'children'), 'utf8').trim();
    return children === '' ? [] : children.split(' ').map(Number);
  });
}

/** Some of them are over in a moment. */
function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

const reference = 'com.example.app:1.0';

const ends: readonly (readonly [script: string, code: number, reason: string])[] = [
  ['exit 0', 0, 'nothing else is added'],
  ['exit 1', 1, 'the code of most failures, of img as well'],
  ['exit 3', 3, 'the app may use the codes of img itself'],
  ['exit 127', 127, 'what a shell says of a missing program; this one was found'],
  ['exit 128', 128, 'the lowest that looks like a signal, and is none'],
  ['exit 137', 137, 'an app that says itself that it was killed'],
  ['exit 255', 255, 'the highest one'],
  ['trap "exit 7" TERM; kill -TERM $$', 7, 'what the app makes of a signal'],
];

test('img run ends as its app does', async (t) => {
  if (!canRunShellApp(t)) return;
  const { repository, host } = await setDoubleStage(t);
  await putSignedShellImage(repository);
  for (const [script, code, reason] of ends) {
    const result = await host.run(['run', reference, 'sh', '-c', script]);
    t.deepEqual(result, { code, stdout: '', stderr: '' }, reason);
  }
  t.deepEqual(leftBehind(host), []);
});

for (const runtime of ['crun', 'runc'] as const) {
  test(`img run through ${runtime} ends with 128 and the number of the signal that its app died of`, async (t) => {
    if (!canRunShellApp(t) || !needsTool(t, runtime)) return;
    const { repository, host } = await setDoubleStage(t);
    await putSignedShellImage(repository);
    const words = ['run', '--runtime', runtime, reference, 'sh', '-c', 'echo up; exec sleep 1000'];
    const { child, ended } = startImg(t, host, words);
    await once(child.stdout, 'data');
    // The only signal that the first process of a container can't be deaf to; so does the kernel without memory.
    for (const pid of childrenOf(child.pid)) killIfThere(pid);
    t.is((await ended).code, 137);
    t.deepEqual(leftBehind(host), []);
  });
}

test('img run tells its app the signals that it gets, and the next command ends an app whose runtime was killed', async (t) => {
  if (!canRunShellApp(t)) return;
  const { repository, host } = await setDoubleStage(t);
  await putSignedShellImage(repository);
  for (const [signal, script, code] of [
    ['SIGTERM', 'trap "exit 9" TERM; echo up; while :; do sleep 0.1; done', 9],
    ['SIGKILL', 'echo up; while :; do sleep 0.1; done', null],
  ] as const) {
    const { child } = startImg(t, host, ['run', reference, 'sh', '-c', script]);
    const exit = once(child, 'exit');
    child.stdout.once('data', () => child.kill(signal));
    t.is((await exit)[0], code, signal);
  }
  t.is((await host.run(['run', reference])).code, 0);
  t.deepEqual(leftBehind(host), []);
});

for (const [signal, code] of [
  ['SIGTERM', 143],
  ['SIGINT', 130],
] as const) {
  test(`img pull stopped by ${signal} ends with ${code} and a message, and the next one works`, async (t) => {
    if (!canRunShellApp(t)) return;
    const { double, repository, host } = await setDoubleStage(t);
    await putSignedShellImage(repository);
    const { child, ended } = startImg(t, host, ['pull', reference]);
    double.misbehaveTimes(1, ({ route, request }) => {
      if (route?.id !== 'blob') return false;
      child.kill(signal);
      // Never answered: the command must not wait for it.
      request.resume();
      return true;
    });
    const { code: found, stderr } = await ended;
    t.is(found, code, stderr);
    t.regex(stderr, new RegExp(`^img: stopped by ${signal}$`, 'm'));
    t.deepEqual(leftBehind(host), []);
    t.deepEqual(await host.run(['run', reference]), { code: 0, stdout: 'hello\n', stderr: '' });
  });
}

test('img build stopped by SIGINT while it writes a layer ends with 130 and a message, and the next one works', async (t) => {
  if (!canRunShellApp(t)) return;
  const { host } = await setDoubleStage(t);
  await writeShellApp(host.folder, { files: { 'opt/large': '' } });
  // A terabyte of holes: nobody gets to the end of it before the signal comes.
  const large = join(host.folder, 'app/file-0');
  await truncate(large, 2 ** 40);
  const cache = join(host.folder, 'cache');
  const layers = join(new LayerCache(cache).folder, 'own');
  await mkdir(layers, { recursive: true });
  const { child, ended } = startImg(t, withVariables(host, { IMG_CACHE: cache }), ['build', 'app']);
  killAtChange(t, layers, child, 1, 'SIGINT');
  const { code, stderr } = await ended;
  t.is(code, 130, stderr);
  t.regex(stderr, /^img: stopped by SIGINT$/m);
  t.deepEqual(leftBehind(host), []);
  t.deepEqual(await readdir(layers), []);
  await truncate(large, 1);
  t.is((await host.run(['build', 'app'])).code, 0);
  t.deepEqual(leftBehind(host), []);
});

for (const n of [1, 6]) {
  test(`img build that gets SIGINT at change ${n} of its store is stopped or done, and the next one works`, async (t) => {
    if (!canRunShellApp(t)) return;
    const { host } = await setDoubleStage(t);
    await writeShellApp(host.folder, { files: { 'opt/large': randomBytes(32 * 1024 * 1024) } });
    await mkdir(host.root);
    const { child, ended } = startImg(t, host, ['build', 'app']);
    killAtChange(t, host.root, child, n, 'SIGINT');
    const { code, stderr } = await ended;
    // The store comes last, and is filled at once.
    t.true(code === 0 || (code === 130 && stderr.includes('img: stopped by SIGINT\n')), `${code}: ${stderr}`);
    t.deepEqual(leftBehind(host), []);
    t.is((await host.run(['build', 'app'])).code, 0);
    t.deepEqual(leftBehind(host), []);
  });
}

test('img push stopped by SIGINT ends with 130, and the next one works', async (t) => {
  if (!canRunShellApp(t)) return;
  const { double, host } = await setDoubleStage(t);
  await writeShellApp(host.folder);
  t.is((await host.run(['build', 'app'])).code, 0);
  const { child, ended } = startImg(t, host, ['push', 'com.example.app:1.0.0']);
  double.misbehaveTimes(1, ({ route, request }) => {
    if (route?.id !== 'upload') return false;
    child.kill('SIGINT');
    request.resume();
    return true;
  });
  const { code, stderr } = await ended;
  t.is(code, 130, stderr);
  t.regex(stderr, /^img: stopped by SIGINT$/m);
  t.deepEqual(leftBehind(host), []);
  t.is((await host.run(['push', 'com.example.app:1.0.0'])).code, 0);
});

test('img run whose reader has gone ends, and leaves nothing', async (t) => {
  if (!canRunShellApp(t)) return;
  const { repository, host } = await setDoubleStage(t);
  await putSignedShellImage(repository);
  const words = ['-c', `"$0" "$@" | head -n 1`, process.execPath, programPath, 'run', reference, 'yes'];
  const child = spawn('sh', words, { env: host.variables, stdio: ['ignore', 'pipe', 'ignore'] });
  const [stdout] = await Promise.all([text(child.stdout), once(child, 'exit')]);
  t.is(stdout, 'y\n');
  t.deepEqual(leftBehind(host), []);
});

test('img run gives its app what is typed, to the end', async (t) => {
  if (!canRunShellApp(t)) return;
  const { repository, host } = await setDoubleStage(t);
  await putSignedShellImage(repository);
  const result = await host.run(['run', '-i', reference, 'sh', '-c', 'cat; echo end'], { input: 'typed\n' });
  t.deepEqual(result, { code: 0, stdout: 'typed\nend\n', stderr: '' });
});
