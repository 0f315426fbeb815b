import { parseTag } from '@img/spec/tag';
import test from 'ava';
import { setDoubleStage } from '../testing/double-stage.ts';
import { putShellImage, shellLayer } from '../testing/shell-image.ts';
import { bootHost, canBootHosts } from '../testing/systemd-host.ts';
import { healthCheck, publishService } from './test-service.ts';

test('img update takes the newest trusted version of a range, when it is old enough and not pinned', async (t) => {
  if (!canBootHosts(t)) return;
  const { double, repository } = await setDoubleStage(t);
  await publishService(repository, { version: 1, tag: '1.0.0' });
  const host = await bootHost(t);
  const options = ['--range', '^1.0', '--min-age', '1d', '--stable', '0s', '--health', healthCheck];
  const installed = await host.img('install', ...options, `${double.host}/com.example.app`, 'sh', '/service');
  t.is(installed.code, 0, installed.stderr);
  const outcome = async (...words: readonly string[]) => {
    const { code, stdout } = await host.img('update', ...words);
    return [
      code,
      stdout
        .split(' ')
        .filter((word) => word !== '')[1]
        ?.trim(),
    ];
  };
  t.deepEqual(await outcome('app'), [0, 'current']);
  await publishService(repository, { version: 2, tag: '1.1.0' });
  await publishService(repository, { version: 3, tag: '2.0.0' });
  t.deepEqual(await outcome('app'), [0, 'waiting']);
  t.deepEqual(await outcome('--all'), [0, 'waiting']);
  t.is((await host.img('pin', 'app')).code, 0);
  t.deepEqual(await outcome('--now', 'app'), [0, 'pinned']);
  t.is((await host.img('pin', '--off', 'app')).code, 0);
  t.deepEqual(await outcome('--now', 'app'), [0, 'updated']);
  t.regex((await host.img('history', 'app')).stdout, /^ +2 +current .*:1\.1\.0 .*good$/m);
  // Nobody has signed it.
  await putShellImage(repository, { tag: parseTag('1.2.0'), layers: [shellLayer()], says: 'unsigned' });
  const refused = await host.img('update', 'app');
  t.is(refused.code, 3);
  t.regex(refused.stderr, /com\.example\.app:1\.2\.0 is not trusted/);
  t.deepEqual(await outcome('ap'), [4, undefined]);
});
