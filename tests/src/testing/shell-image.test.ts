import { clientOf, startDouble } from '@img/registry/testing/start-double';
import { parseRepositoryName } from '@img/spec/repository-name';
import test from 'ava';
import { leftBehind } from './left-behind.ts';
import { canRunShellApp } from './shell-app.ts';
import { putShellImage, signShellImage } from './shell-image.ts';
import { newTestHost } from './test-host.ts';

test('a test host runs the shell image of a registry double, and leaves nothing behind', async (t) => {
  if (!canRunShellApp(t)) return;
  const double = await startDouble(t);
  const repository = clientOf(t, double).repository(parseRepositoryName('com.example.app'), 'push');
  await signShellImage(repository, await putShellImage(repository, { says: 'hi' }));
  const host = await newTestHost(t, double.host);
  t.deepEqual(await host.run(['run', 'com.example.app:1.0']), { code: 0, stdout: 'hi\n', stderr: '' });
  t.deepEqual(leftBehind(host), []);
});
