import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { setDoubleStage } from '../testing/double-stage.ts';
import { bootHost, canBootHosts, type SystemdHost } from '../testing/systemd-host.ts';
import { healthCheck, publishService } from './test-service.ts';

const unit = 'img-app.service';

async function setUp(t: ExecutionContext) {
  const { double, repository } = await setDoubleStage(t);
  const host = await bootHost(t);
  const image = `${double.host}/com.example.app:1.0`;
  const install = (...options: readonly string[]) =>
    host.img('install', '--health', healthCheck, '--stable', '0s', ...options, image, 'sh', '/service');
  return { double, repository, host, image, install };
}

async function log(host: SystemdHost): Promise<readonly string[]> {
  const { stdout } = await host.img('logs', 'app');
  return stdout.split('\n').filter((line) => line.startsWith('version '));
}

/** Waits until the last that the app has said is this. */
async function until(host: SystemdHost, wanted: string): Promise<void> {
  for (let said: readonly string[] = []; said.at(-1) !== wanted; ) said = await log(host);
}

test('img install has systemd run an app, which systemctl stops and starts, and img uninstall leaves nothing', async (t) => {
  if (!canBootHosts(t)) return;
  const { repository, host, install } = await setUp(t);
  await publishService(repository, { version: 1 });
  const installed = await install('--memory', '256m', '--pids', '64');
  t.is(installed.code, 0, installed.stderr);
  t.is(await host.property(unit, 'ActiveState'), 'active');
  const pid = await host.property(unit, 'MainPID');
  const main = await host.run('cat', `/proc/${pid}/cmdline`);
  t.regex(main.stdout, /^\/bin\/busybox\0sh\0\/service\0/, 'the main process is the app itself');
  const processes = JSON.parse((await host.img('top', '--json', 'app')).stdout) as readonly {
    readonly pid: number;
  }[];
  const pids = processes.map((process) => String(process.pid));
  t.true(pids.includes(pid));
  const names = await host.run('sh', '-c', `for pid in ${pids.join(' ')}; do cat /proc/$pid/comm; done`);
  t.deepEqual(
    [...new Set(names.stdout.trim().split('\n'))].sort(),
    ['busybox', 'sleep'],
    'nothing of ours stays',
  );
  t.is(await host.property(unit, 'MemoryMax'), String(256 * 1024 * 1024));
  t.regex((await host.img('ps')).stdout, /app +.*com\.example\.app:1\.0 +Alice/);
  t.is((await host.run('systemctl', 'restart', unit)).code, 0);
  t.not(await host.property(unit, 'MainPID'), pid);
  t.is((await host.run('systemctl', 'stop', unit)).code, 0);
  t.is(await host.property(unit, 'ActiveState'), 'inactive');
  t.is(await host.property(unit, 'Result'), 'success');
  t.deepEqual(await log(host), [
    'version 1 starts',
    'version 1 stops',
    'version 1 starts',
    'version 1 stops',
  ]);
  t.deepEqual(
    (await host.run('ls', '/run/img/containers', '/run/img/runtimes/crun')).stdout.match(/[0-9a-f]{16}/g),
    null,
  );
  t.is((await host.img('start', 'app')).code, 0);
  t.is((await host.img('uninstall', 'app')).code, 0);
  t.is(await host.property(unit, 'LoadState'), 'not-found');
  t.deepEqual(readdirSync(join(host.folder, 'store/apps')), []);
  const left = readdirSync(join(host.folder, 'units'), { recursive: true }) as string[];
  t.deepEqual(
    left.filter((name) => name.includes('img-')),
    [],
  );
});

test('an update that fails under Restart=always is undone, and waits for a newer image; a good one stays', async (t) => {
  if (!canBootHosts(t)) return;
  const { repository, host, install } = await setUp(t);
  await publishService(repository, { version: 1 });
  t.is((await install()).code, 0);
  t.regex((await host.img('update', 'app')).stdout, /^app {2}current/);
  await publishService(repository, { version: 2, behaviour: 'ends' });
  t.regex((await host.img('update', '--check', 'app')).stdout, /^app {2}available/);
  const failed = await host.img('update', 'app');
  t.is(failed.code, 10, failed.stderr);
  t.regex(
    failed.stderr,
    /generation 2 of app was given up: img-app\.service did not start.*generation 1 runs again/,
  );
  t.is(await host.property(unit, 'ActiveState'), 'active');
  t.is((await log(host)).at(-1), 'version 1 starts');
  t.regex((await host.img('update', 'app')).stdout, /^app {2}pinned/);
  await publishService(repository, { version: 3 });
  const updated = await host.img('update', '--json', 'app');
  t.is(updated.code, 0, updated.stderr);
  t.is((JSON.parse(updated.stdout) as { outcome: string }).outcome, 'updated');
  t.is((await log(host)).at(-1), 'version 3 starts');
  const history = JSON.parse((await host.img('history', '--json', 'app')).stdout) as {
    readonly generations: readonly {
      readonly number: number;
      readonly verdict: string;
      readonly isCurrent: boolean;
    }[];
  };
  t.deepEqual(
    history.generations.map(({ number, verdict, isCurrent }) => [number, verdict, isCurrent]),
    [
      [1, 'good', false],
      [2, 'bad', false],
      [3, 'good', true],
    ],
  );
  t.is((await host.img('rollback', 'app')).code, 0);
  t.is((await log(host)).at(-1), 'version 1 starts');
  t.regex(
    (await host.img('update', 'app')).stdout,
    /^app {2}pinned/,
    'what was rolled back is not taken again',
  );
});

test('an image that fails in its stability window is given up', async (t) => {
  if (!canBootHosts(t)) return;
  const { repository, host, install } = await setUp(t);
  mkdirSync(join(host.folder, 'data'));
  await publishService(repository, { version: 1 });
  t.is((await install()).code, 0);
  await publishService(repository, { version: 2, behaviour: 'fragile' });
  const volume = `${host.folder}/data:/data:ro`;
  const replaced = install('--replace', '--pull', 'always', '--stable', '1d', '--volume', volume);
  await until(host, 'version 2 starts');
  // An app that ends before it is called healthy did not start; this one is to fail after that.
  while ((await host.property(unit, 'ActiveState')) !== 'active');
  writeFileSync(join(host.folder, 'data/end'), '');
  const { code, stderr } = await replaced;
  t.is(code, 10, stderr);
  t.regex(stderr, /generation 2 of app was given up: img-app\.service (?:had to be started again|is )/);
  await until(host, 'version 1 starts');
});

test('a host that loses its power in the middle of an update boots with what ran before', async (t) => {
  if (!canBootHosts(t)) return;
  const { repository, host, install } = await setUp(t);
  await publishService(repository, { version: 1 });
  t.is((await install('--stable', '1d')).code, 0);
  await publishService(repository, { version: 2 });
  const update = host.img('update', 'app');
  await until(host, 'version 2 starts');
  await host.crash();
  await update;
  await host.start();
  t.is(await host.property(unit, 'ActiveState'), 'active');
  t.is((await log(host)).at(-1), 'version 1 starts');
  const { stdout } = await host.img('history', 'app');
  t.regex(stdout, /^ +1 +current .*good$/m);
});

test('an app starts without its registry, and does not when its key is taken back', async (t) => {
  if (!canBootHosts(t)) return;
  const { double, repository, host, install } = await setUp(t);
  await publishService(repository, { version: 1 });
  t.is((await install()).code, 0);
  await double[Symbol.asyncDispose]();
  t.is((await host.run('systemctl', 'restart', unit)).code, 0, 'without a registry');
  const update = await host.img('update', 'app');
  t.is(update.code, 1);
  t.is(await host.property(unit, 'ActiveState'), 'active');
  host.trust([]);
  t.not((await host.run('systemctl', 'restart', unit)).code, 0);
  t.not(await host.property(unit, 'ActiveState'), 'active');
  const { stdout } = await host.img('logs', 'app');
  t.regex(stdout, /is not trusted/);
  t.is((await host.run('systemctl', 'stop', unit)).code, 0);
});
