import { spawn } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '@img/sign/testing/temporary-folder';
import test from 'ava';
import { makeFolder, makeFolderSync } from './make-folder.ts';
import { writeFileAtomic } from './write-file-atomic.ts';

for (const [what, content, expected] of [
  ['text', 'hello', 'hello'],
  ['bytes', Buffer.from('hello'), 'hello'],
  ['a stream', chunks('hel', 'lo', ''), 'hello'],
  ['nothing', '', ''],
] as const) {
  test(`writeFileAtomic() writes ${what} and leaves nothing else behind`, async (t) => {
    const folder = temporaryFolder(t);
    await writeFileAtomic(join(folder, 'file'), content);
    t.is(readFileSync(join(folder, 'file'), 'utf8'), expected);
    t.deepEqual(readdirSync(folder), ['file']);
  });
}

test('writeFileAtomic() replaces a file, permissions included', async (t) => {
  const path = join(temporaryFolder(t), 'file');
  writeFileSync(path, 'old');
  chmodSync(path, 0o666);
  await writeFileAtomic(path, 'new', { mode: 0o600 });
  t.is(readFileSync(path, 'utf8'), 'new');
  t.is(statSync(path).mode & 0o777, 0o600);
});

test('writeFileAtomic() keeps the old content when the new one fails', async (t) => {
  const folder = temporaryFolder(t);
  const path = join(folder, 'file');
  writeFileSync(path, 'old');
  const lost = new Error('source is gone');
  async function* failing(): AsyncGenerator<Uint8Array> {
    yield Buffer.from('ne');
    throw lost;
  }
  t.is(await t.throwsAsync(writeFileAtomic(path, failing())), lost);
  t.is(readFileSync(path, 'utf8'), 'old');
  t.deepEqual(readdirSync(folder), ['file']);
});

test('writeFileAtomic() uses another folder for what is unfinished, where it is told to', async (t) => {
  const folder = temporaryFolder(t);
  const temporary = join(folder, 'temporary');
  mkdirSync(temporary);
  let seen: readonly string[] = [];
  async function* watching(): AsyncGenerator<Uint8Array> {
    yield Buffer.from('x');
    seen = readdirSync(temporary);
  }
  await writeFileAtomic(join(folder, 'file'), watching(), { temporaryFolder: temporary });
  t.is(seen.length, 1);
  t.deepEqual(readdirSync(temporary), []);
});

test('writeFileAtomic() of a folder that is not there fails', async (t) => {
  await t.throwsAsync(writeFileAtomic(join(temporaryFolder(t), 'absent', 'file'), 'x'), { code: 'ENOENT' });
});

test('a process killed while it writes leaves the old content', async (t) => {
  const path = join(temporaryFolder(t), 'file');
  writeFileSync(path, 'old');
  const script = `
    import { writeFileAtomic } from ${JSON.stringify(new URL('write-file-atomic.ts', import.meta.url).href)};
    await writeFileAtomic(${JSON.stringify(path)}, (async function* () {
      for (;;) {
        yield Buffer.from('new');
        process.stdout.write('.');
      }
    })());`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const closed = new Promise((resolve) => child.once('close', resolve));
  await new Promise((resolve) => child.stdout.once('data', resolve));
  child.kill('SIGKILL');
  await closed;
  t.is(readFileSync(path, 'utf8'), 'old');
});

for (const [name, make] of [
  ['makeFolder()', makeFolder],
  ['makeFolderSync()', async (path: string) => makeFolderSync(path)],
] as const) {
  test(`${name} makes what is missing, and refuses what can be no folder`, async (t) => {
    const root = temporaryFolder(t);
    await make(join(root, 'a/b/c'));
    await make(join(root, 'a/b/c'));
    symlinkSync('a/b', join(root, 'link'));
    await make(join(root, 'link'));
    t.is(statSync(join(root, 'a/b/c')).mode & 0o777, 0o700);
    writeFileSync(join(root, 'file'), '');
    symlinkSync('nowhere', join(root, 'dangling'));
    for (const [path, code, reason] of [
      [join(root, 'file'), 'EEXIST', 'a file'],
      [join(root, 'file/x'), 'ENOTDIR', 'below a file'],
      [join(root, 'dangling'), 'ENOENT', 'a link to nothing'],
      ['/proc/nowhere/a', 'ENOENT', 'a file system that makes no folders'],
    ] as const) {
      await t.throwsAsync(async () => make(path), { code }, reason);
    }
  });
}

async function* chunks(...parts: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const part of parts) yield Buffer.from(part);
}
