import { readdirSync } from 'node:fs';
import { temporaryFolder } from '@img/sign/testing/temporary-folder';
import test from 'ava';
import { tryMount } from './try-mount.ts';

test('tryMount() says what this kernel does for this user, and leaves nothing', (t) => {
  const folder = temporaryFolder(t);
  const before = process.env['TMPDIR'];
  process.env['TMPDIR'] = folder;
  t.teardown(() => {
    if (before === undefined) delete process.env['TMPDIR'];
    else process.env['TMPDIR'] = before;
  });
  const method = tryMount();
  t.true(method === undefined || ['erofs', 'loop'].includes(method));
  t.true(process.geteuid?.() === 0 || method === undefined, 'nobody but root can mount');
  t.deepEqual(readdirSync(folder), []);
});
