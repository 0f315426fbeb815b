import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { setDoubleStage } from '../testing/double-stage.ts';
import { putSignedShellImage } from '../testing/shell-image.ts';
import { bootHost, canBootHosts } from '../testing/systemd-host.ts';

async function setUp(t: ExecutionContext) {
  const { double, repository } = await setDoubleStage(t);
  await putSignedShellImage(repository);
  const host = await bootHost(t);
  mkdirSync(join(host.folder, 'data'));
  const install = (options: readonly string[], ...words: readonly string[]) =>
    host.img('install', ...options, `${double.host}/com.example.app:1.0`, ...words);
  const said = async () =>
    (await host.img('logs', 'app')).stdout.split('\n').filter((line) => line.startsWith('app: '));
  return { host, install, said };
}

test('systemd listens for an app with sockets, and the app gets the connection', async (t) => {
  if (!canBootHosts(t)) return;
  const { host, install, said } = await setUp(t);
  const socket = join(host.folder, 'data/app.sock');
  const script =
    'echo app: $LISTEN_FDS sockets for $LISTEN_PID, $$ is me; ls -l /proc/self/fd/3; sleep 100000';
  const installed = await install(['--socket', socket], 'sh', '-c', script);
  t.is(installed.code, 0, installed.stderr);
  t.deepEqual(await said(), ['app: 1 sockets for 1, 1 is me']);
  t.regex((await host.img('logs', 'app')).stdout, /\/proc\/self\/fd\/3 -> socket:/);
  t.is((await host.run('systemctl', 'stop', 'img-app.service')).code, 0);
  // Whoever connects starts it.
  t.is(
    (await host.run(process.execPath, '-e', `net.connect(${JSON.stringify(socket)}, () => process.exit())`))
      .code,
    0,
  );
  while ((await said()).length < 2);
  t.is((await host.run('systemctl', 'start', 'img-app.service')).code, 0);
});

test('an app that notifies systemd is ready when it says so, and is its main process', async (t) => {
  if (!canBootHosts(t)) return;
  const { host, install, said } = await setUp(t);
  // The programs of the host stand in for an image with systemd-notify.
  const folders = ['/usr', '/lib', '/lib64'].flatMap((folder) => ['--volume', `${folder}:${folder}:ro`]);
  const script =
    'echo app: $WATCHDOG_USEC; /usr/bin/systemd-notify --ready --status=well; sleep 100000 & wait';
  const options = ['--notify', '--watchdog', '1h', ...folders];
  const installed = await install(options, 'sh', '-c', script);
  t.is(installed.code, 0, installed.stderr);
  t.is((await said())[0], 'app: 3600000000');
  t.is(await host.property('img-app.service', 'StatusText'), 'well');
  const main = await host.run('cat', `/proc/${await host.property('img-app.service', 'MainPID')}/cmdline`);
  t.regex(main.stdout, /^\/bin\/busybox\0sh/);
  t.is(await host.property('img-app.service', 'WatchdogUSec'), '1h');
});

test('an app with a schedule is a job, whose end systemd takes', async (t) => {
  if (!canBootHosts(t)) return;
  const { host, install, said } = await setUp(t);
  const installed = await install(
    ['--schedule', 'daily', '--secret', 'token=/etc/hostname'],
    'sh',
    '-c',
    'echo app: $(cat /run/secrets/token | wc -l); exit 3',
  );
  t.is(installed.code, 0, installed.stderr);
  t.regex((await host.run('systemctl', 'list-timers', '--all')).stdout, /img-app\.timer/);
  t.deepEqual(await said(), []);
  t.not((await host.run('systemctl', 'start', 'img-app.service')).code, 0);
  t.deepEqual(await said(), ['app: 1']);
  t.is(await host.property('img-app.service', 'ExecMainStatus'), '3');
  t.is(
    (await install(['--replace', '--stable', '0s'], 'sh', '-c', 'echo app: service; sleep 100000')).code,
    0,
  );
  t.is(await host.property('img-app.timer', 'LoadState'), 'not-found');
  t.is(await host.property('img-app.service', 'ActiveState'), 'active');
});
