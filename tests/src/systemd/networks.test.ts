import { mkdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { assertNetworkClean, canBridge, enterOwnNetwork } from '@img/runtime/testing/own-network';
import test from 'ava';
import { setDoubleStage } from '../testing/double-stage.ts';
import { bootHost, canBootHosts } from '../testing/systemd-host.ts';
import { publishService } from './test-service.ts';

/** What the service says, as soon as it says something. */
async function ask(port: number): Promise<string> {
  for (;;) {
    const said = await text(connect(port, '127.0.0.1')).catch(() => '');
    if (said !== '') return said;
    await delay(20);
  }
}

test('an installed app is reached by its published port after each start, and leaves nothing when it stops', async (t) => {
  if (!canBootHosts(t) || !canBridge(t)) return;
  // The host's, too.
  enterOwnNetwork();
  const { double, repository } = await setDoubleStage(t);
  await publishService(repository, { version: 1, behaviour: 'serves' });
  const host = await bootHost(t);
  const image = `${double.host}/com.example.app:1.0`;
  const options = ['--publish', '8080:80', '--health', 'tcp://:80', '--stable', '0s'];
  const installed = await host.img('install', ...options, image, 'sh', '/service');
  t.is(installed.code, 0, installed.stderr);
  t.is(await ask(8080), 'version 1\n');
  t.regex((await host.img('ps')).stdout, /app .* 10\.90\.0\.\d+, 127\.0\.0\.1:8080->80 /);
  t.is((await host.run('systemctl', 'restart', 'img-app.service')).code, 0);
  t.is(await ask(8080), 'version 1\n');
  const taken = await host.img('run', '-p', '8080:80', image, 'sh', '-c', 'echo started');
  t.is(taken.code, 1);
  t.is(taken.stdout, '');
  t.regex(taken.stderr, /port 127\.0\.0\.1:8080:80 is published by container /);
  const folder = join(host.folder, 'config/apps.d');
  mkdirSync(folder);
  const app = `image: ${image}\ncommand: [sh, /service]\nports: ["8081:80"]\nupdate: {stable: 0s}\n`;
  writeFileSync(join(folder, 'web.yaml'), app);
  const applied = await host.img('apply');
  t.is(applied.code, 0, applied.stderr);
  t.is(await ask(8081), 'version 1\n');
  for (const name of ['app', 'web']) {
    t.is((await host.run('systemctl', 'stop', `img-${name}.service`)).code, 0);
  }
  await assertNetworkClean(t);
  t.is((await host.run('find', '/run/img/networks', '-name', 'netns')).stdout, '');
});
