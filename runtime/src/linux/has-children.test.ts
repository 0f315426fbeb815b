import { spawn } from 'node:child_process';
import { once } from 'node:events';
import test from 'ava';
import { hasChildren } from './has-children.ts';

test('hasChildren() sees a child, and leaves its end to whoever waits for it', async (t) => {
  const child = spawn('cat', { stdio: ['pipe', 'ignore', 'ignore'] });
  t.teardown(() => child.kill('SIGKILL'));
  await once(child, 'spawn');
  t.true(hasChildren());
  child.stdin.end();
  t.deepEqual(await once(child, 'exit'), [0, null]);
  t.false(hasChildren());
});
