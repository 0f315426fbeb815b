import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { needsTool } from '@img/sign/testing/needs';
import { digestOf } from '@img/spec/digest';
import test from 'ava';
import { codeOf, layersOf, TestSystem } from './testing/test-system.ts';

const recipe = (lines: string) => `name: com.example.app\nversion: 1.2.3\nos: scratch\n${lines}`;

test('buildFolder() puts programs of this machine into an image, and their digests into the lock', async (t) => {
  if (!needsTool(t, 'curl')) return;
  const system = await TestSystem.start(t, '', {
    files: { 'img.yaml': recipe('binary: [/usr/bin/curl, /bin/sh]\n') },
  });
  const built = await system.build();
  t.deepEqual(layersOf(built), ['what /usr/bin/curl, /bin/sh needs', '/usr/bin/curl, /bin/sh']);
  const locked = built.image.lock?.platforms.get('linux/amd64')?.files ?? [];
  t.true(locked.some(({ path }) => path.endsWith('/libc.so.6')));
  const { config } = await system.read(built.image.descriptor.digest);
  t.deepEqual(config.config.cmd, ['/usr/bin/curl']);
  const again = await system.build({ isLocked: true });
  t.is(again.image.descriptor.digest, built.image.descriptor.digest);

  // As if the lock had been made on another machine.
  const text = await readFile(join(system.folder, 'img.lock'), 'utf8');
  const libc = locked.find(({ path }) => path.endsWith('/libc.so.6'))?.digest ?? '';
  await system.write({ 'img.lock': text.replace(libc, digestOf(Buffer.from('other'))) });
  t.is(await codeOf(system.build({ isLocked: true })), 'LOCK_OUTDATED');
  t.true((await system.build()).isLockChanged);
  t.regex(system.notes.join(), /programs of this machine are others than in img\.lock: .*libc\.so\.6/);
});
