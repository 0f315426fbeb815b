import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { setDoubleStage } from '../testing/double-stage.ts';
import { bootHost, canBootHosts } from '../testing/systemd-host.ts';
import { healthCheck, publishService } from './test-service.ts';

test('img apply has the apps that a folder asks for, once, and as soon as the folder changes', async (t) => {
  if (!canBootHosts(t)) return;
  const { double, repository } = await setDoubleStage(t);
  await publishService(repository, { version: 1 });
  const host = await bootHost(t);
  const folder = join(host.folder, 'config/apps.d');
  mkdirSync(folder);
  const image = `${double.host}/com.example.app:1.0`;
  const app = `image: ${image}\ncommand: [sh, /service]\nhealth: ${healthCheck}\nupdate: {stable: 0s}\n`;
  writeFileSync(join(folder, 'web.yaml'), `${app}replicas: 2\n`);
  writeFileSync(join(folder, 'db.yaml'), app);
  const planned = await host.img('apply', '--dry-run');
  t.is(planned.stdout, 'install   db\ninstall   web-1\ninstall   web-2\n', planned.stderr);
  t.is((await host.img('ps')).stdout, '', 'nothing was done');
  const applied = await host.img('apply');
  t.is(applied.code, 0, applied.stderr);
  t.is(applied.stdout, planned.stdout);
  const again = await host.img('apply');
  t.deepEqual([again.code, again.stdout], [0, '']);
  t.regex(again.stderr, /everything is as it shall be/);
  const invocation = await host.property('img-web-1.service', 'InvocationID');
  writeFileSync(join(folder, 'bad.yaml'), 'image: com.example.app\nmemroy: 1g\n');
  t.is((await host.img('apply')).code, 2);
  rmSync(join(folder, 'bad.yaml'));
  writeFileSync(join(folder, 'web.yaml'), `${app}replicas: 1\n`);
  writeFileSync(join(folder, 'db.yaml'), `${app}memory: 256m\n`);
  // The folder is watched.
  while ((await host.property('img-db.service', 'MemoryMax')) !== String(256 * 1024 * 1024));
  while ((await host.property('img-web-2.service', 'LoadState')) !== 'not-found');
  while ((await host.property('img-db.service', 'ActiveState')) !== 'active');
  t.is(await host.property('img-web-1.service', 'InvocationID'), invocation, 'what does not change runs on');
});
