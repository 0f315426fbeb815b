import { randomBytes } from 'node:crypto';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { mount, unmount } from '@img/runtime/linux/mount';
import { enterPrivateMounts } from '@img/runtime/linux/private-mounts';
import test from 'ava';
import { runForRefusal, startImg } from '../testing/instance.ts';
import { serveAgain, setServedStage } from '../testing/served-registry.ts';
import { canRunShellApp, writeShellApp } from '../testing/shell-app.ts';
import { done, type Stage } from '../testing/stage.ts';

// The whole file runs in one child process of AVA, so its private mounts end with it.
test.before(() => {
  if (process.geteuid?.() === 0) enterPrivateMounts();
});

const megabyte = 1024 * 1024;
const name = 'com.example.app:1.0.0';
const hello = { code: 0, stdout: 'hello\n', stderr: '' };

/** Makes and signs an image with a layer that is sent for a while. */
async function buildLargeImage({ publisher, folder }: Stage): Promise<void> {
  await writeShellApp(folder, { files: { 'opt/large': randomBytes(24 * megabyte) } });
  await done(publisher, ['build', 'app']);
  await done(publisher, ['sign', '--key', 'alice', name]);
}

for (const megabytes of [1, 13]) {
  test(`img push goes on when its registry is killed after ${megabytes} MB and started again`, async (t) => {
    if (!canRunShellApp(t)) return;
    const stage = await setServedStage(t);
    const { served, relay, publisher, host } = stage;
    await buildLargeImage(stage);
    relay.afterBytes('clients', megabytes * megabyte, () => served.child.kill('SIGKILL'));
    const pushing = startImg(t, publisher, ['push', name]);
    await serveAgain(t, stage);
    const { code, stderr } = await pushing.ended;
    t.is(code, 0, stderr);
    t.deepEqual(await host.run(['run', name]), hello);
  });
}

test('img pull goes on when its registry is killed in the middle of a layer and started again', async (t) => {
  if (!canRunShellApp(t)) return;
  const stage = await setServedStage(t);
  const { served, relay, publisher, host } = stage;
  await buildLargeImage(stage);
  await done(publisher, ['push', name]);
  relay.afterBytes('server', 12 * megabyte, () => served.child.kill('SIGKILL'));
  const pulling = startImg(t, host, ['pull', name]);
  await serveAgain(t, stage);
  const { code, stderr } = await pulling.ended;
  t.is(code, 0, stderr);
  t.deepEqual(await host.run(['run', name]), hello);
});

test('img push to a registry whose disk is full is refused, and works when there is space', async (t) => {
  if (!canRunShellApp(t)) return;
  const stage = await setServedStage(t, (folder) => {
    mkdirSync(folder);
    mount({ source: 'small', type: 'tmpfs', target: folder, data: 'size=72m' });
    t.teardown(() => unmount(folder));
  });
  const { served, publisher, host } = stage;
  await buildLargeImage(stage);
  const filler = join(served.dataFolder, 'filler');
  writeFileSync(filler, Buffer.alloc(60 * megabyte));
  const refusal = await runForRefusal(publisher, ['push', name]);
  t.like(refusal, { code: 1, error: { code: 'REGISTRY_FAILED' } }, refusal.stderr);
  t.regex(refusal.error?.message ?? '', /: 507 .*the registry has no space left/);
  rmSync(filler);
  t.is((await publisher.run(['push', name])).code, 0);
  t.deepEqual(await host.run(['run', name]), hello);
});
