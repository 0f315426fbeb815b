import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import test, { type ExecutionContext } from 'ava';
import { setDoubleStage } from '../testing/double-stage.ts';
import { type StartedImg, startImg } from '../testing/instance.ts';
import { killAtChange, killAtRequest } from '../testing/kill-at.ts';
import { containerIds, leftBehind } from '../testing/left-behind.ts';
import { canRunShellApp, writeShellApp } from '../testing/shell-app.ts';
import { putSignedShellImage } from '../testing/shell-image.ts';
import type { TestHost } from '../testing/test-host.ts';

const run = ['run', 'com.example.app:1.0'];
const hello = { code: 0, stdout: 'hello\n', stderr: '' };

/** Waits for the end of the process, which its app may outlive, and gives the containers that are left. */
async function ended({ child }: StartedImg, host: TestHost): Promise<readonly string[]> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  return containerIds(host);
}

async function worksAgain(t: ExecutionContext, host: TestHost, containers: readonly string[]): Promise<void> {
  t.deepEqual(await host.run(run), hello);
  t.deepEqual(leftBehind(host, containers), []);
}

for (const [verb, requests] of [
  ['pull', [5, 9, 13]],
  ['run', [1, 3, 7, 11]],
] as const) {
  for (const n of requests) {
    test(`img ${verb} killed at its request ${n} leaves nothing that the next command does not repair`, async (t) => {
      if (!canRunShellApp(t)) return;
      const { double, repository, host } = await setDoubleStage(t);
      await putSignedShellImage(repository);
      const started = startImg(t, host, [verb, 'com.example.app:1.0']);
      killAtRequest(double, started.child, n);
      await worksAgain(t, host, await ended(started, host));
    });
  }
}

for (const n of [1, 6, 15, 28, 50]) {
  test(`img run killed at change ${n} of its store leaves nothing that the next command does not repair`, async (t) => {
    if (!canRunShellApp(t)) return;
    const { repository, host } = await setDoubleStage(t);
    await putSignedShellImage(repository);
    await mkdir(host.root);
    const started = startImg(t, host, run);
    killAtChange(t, host.root, started.child, n);
    await worksAgain(t, host, await ended(started, host));
  });
}

for (const n of [1, 4, 1000]) {
  test(`img run killed at change ${n} of its run folder, or when its app runs, leaves nothing that the next command does not end`, async (t) => {
    if (!canRunShellApp(t)) return;
    const { repository, host } = await setDoubleStage(t);
    await putSignedShellImage(repository);
    t.deepEqual(await host.run(run), hello);
    const started = startImg(t, host, [...run, 'sh', '-c', 'echo up; sleep 1000']);
    killAtChange(t, host.runFolder, started.child, n);
    started.child.stdout.once('data', () => started.child.kill('SIGKILL'));
    await worksAgain(t, host, await ended(started, host));
  });
}

for (const n of [1, 6, 15, 28]) {
  test(`img build killed at change ${n} of its store makes the same image the next time`, async (t) => {
    if (!canRunShellApp(t)) return;
    const { host } = await setDoubleStage(t);
    await writeShellApp(host.folder);
    await mkdir(host.root);
    const started = startImg(t, host, ['build', 'app']);
    killAtChange(t, host.root, started.child, n);
    await ended(started, host);
    const again = await host.run(['build', '--json', 'app']);
    t.is(again.code, 0, again.stderr);
    t.deepEqual(leftBehind(host), []);
    const { host: other } = await setDoubleStage(t);
    await writeShellApp(other.folder);
    t.is(digestIn(again.stdout), digestIn((await other.run(['build', '--json', 'app'])).stdout));
  });
}

for (const n of [1, 3, 6, 9]) {
  test(`img push killed at its request ${n} leaves nothing in the way of the next one`, async (t) => {
    if (!canRunShellApp(t)) return;
    const { double, host } = await setDoubleStage(t);
    await writeShellApp(host.folder);
    const built = await host.run(['build', '--json', 'app']);
    const started = startImg(t, host, ['push', 'com.example.app:1.0.0']);
    killAtRequest(double, started.child, n);
    await ended(started, host);
    const again = await host.run(['push', 'com.example.app:1.0.0']);
    t.is(again.code, 0, again.stderr);
    t.deepEqual(leftBehind(host), []);
    t.true(double.manifests.has('com.example.app:1.0.0'));
    t.true(double.manifests.has(`com.example.app@${digestIn(built.stdout)}`));
  });
}

function digestIn(json: string): string {
  const { digest } = JSON.parse(json) as { readonly digest: string };
  return digest;
}
