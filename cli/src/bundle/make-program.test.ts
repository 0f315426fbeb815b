import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { temporaryFolder } from '@img/sign/testing/temporary-folder';
import test from 'ava';

const maker = join(import.meta.dirname, 'make-program.ts');

test('what the image of the registry is made of serves one without the folders of its sources', async (t) => {
  const folder = temporaryFolder(t);
  const making = spawn(process.execPath, [maker, folder], { stdio: 'inherit' });
  t.deepEqual(await once(making, 'close'), [0, null]);
  // No variable leads it to anything else.
  const words = ['img.cjs', 'serve', '--listen', '127.0.0.1:0', '--data', 'data', '--json'];
  const served = spawn(join(folder, 'node'), words, {
    cwd: folder,
    env: { HOME: folder, IMG_CACHE: join(folder, 'cache') },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.teardown(() => served.kill('SIGKILL'));
  let text = '';
  for await (const line of createInterface({ input: served.stdout })) {
    text += line;
    if (line === '}') break;
  }
  const { url } = JSON.parse(text) as { url: string };
  for (const path of ['/readyz', '/style.css', '/favicon.svg']) {
    t.is((await fetch(`${url}${path}`)).status, 200, path);
  }
  const ended = once(served, 'close');
  served.kill('SIGTERM');
  t.deepEqual(await ended, [0, null]);
});
