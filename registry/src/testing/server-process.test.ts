import { existsSync } from 'node:fs';
import test from 'ava';
import { startServerProcess } from './server-process.ts';

test('startServerProcess() leaves nothing of a program that ends before it listens', async (t) => {
  const folders: string[] = [];
  const command = (folder: string) => {
    folders.push(folder);
    return ['/bin/sh', '-c', 'exit 3'] as const;
  };
  await t.throwsAsync(startServerProcess({ command }), { message: /^\/bin\/sh ended with 3/ });
  t.deepEqual(folders.map(existsSync), [false]);
});
