import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { temporaryFolder } from '@img/sign/testing/temporary-folder';
import { type Digest, digestOf } from '@img/spec/digest';
import { parseRepositoryName } from '@img/spec/repository-name';
import { parseTag } from '@img/spec/tag';
import test from 'ava';
import { SequenceMemory } from './sequence-memory.ts';

const app = { repository: parseRepositoryName('com.example.app'), tag: parseTag('1.0') };
const digest = (text: string): Digest => digestOf(new TextEncoder().encode(text));

function files(folder: string): readonly string[] {
  return (readdirSync(folder, { recursive: true }) as string[]).filter((name) => name.includes('/'));
}

test('recall() knows nothing of what was never remembered, in a folder that does not exist', async (t) => {
  const folder = join(temporaryFolder(t), 'a/b');
  t.is(await new SequenceMemory(folder).recall(app), undefined);
});

test('recall() gives what was remembered, per repository and tag', async (t) => {
  const folder = join(temporaryFolder(t), 'a/b');
  const memory = new SequenceMemory(folder);
  await memory.remember(app, { sequence: 3, digest: digest('a') });
  await memory.remember({ ...app, tag: parseTag('2.0') }, { sequence: 9, digest: digest('b') });
  const other = { ...app, repository: parseRepositoryName('com.example/app') };
  await memory.remember(other, { sequence: 1, digest: digest('c') });
  const reopened = new SequenceMemory(folder);
  t.deepEqual(await reopened.recall(app), { sequence: 3, digest: digest('a') });
  t.deepEqual(await reopened.recall({ ...app, tag: parseTag('2.0') }), { sequence: 9, digest: digest('b') });
  t.deepEqual(await reopened.recall(other), { sequence: 1, digest: digest('c') });
});

test('remember() goes up, never down, and keeps one file per tag', async (t) => {
  const folder = temporaryFolder(t);
  const memory = new SequenceMemory(folder);
  for (const [sequence, text] of [
    [5, 'a'],
    [5, 'a'],
    [4, 'b'],
    [7, 'c'],
    [1, 'd'],
  ] as const) {
    await memory.remember(app, { sequence, digest: digest(text) });
  }
  t.deepEqual(await memory.recall(app), { sequence: 7, digest: digest('c') });
  t.is(files(folder).length, 1);
});

test('remember() refuses another digest under a number that was accepted', async (t) => {
  const memory = new SequenceMemory(temporaryFolder(t));
  await memory.remember(app, { sequence: 5, digest: digest('a') });
  await t.throwsAsync(memory.remember(app, { sequence: 5, digest: digest('b') }), {
    code: 'NOT_TRUSTED',
    message: /number 5/,
  });
});

test('remember() holds the largest number that JSON can say', async (t) => {
  const memory = new SequenceMemory(temporaryFolder(t));
  const sequence = Number.MAX_SAFE_INTEGER;
  await memory.remember(app, { sequence, digest: digest('a') });
  t.is((await memory.recall(app))?.sequence, sequence);
});

for (const [change, reason] of [
  ['', 'emptied'],
  ['{"repository":"com.example.app","tag":"1.0","sequence":5', 'cut'],
  ['{"repository":"com.example.app","tag":"2.0","sequence":5,"digest":"D"}', 'of another tag'],
  ['{"repository":"com.example.app","tag":"1.0","sequence":6,"digest":"D"}', 'of another number'],
  ['{"repository":"com.example.app","tag":"1.0","sequence":5,"digest":"sha256:00"}', 'without a digest'],
  [' '.repeat(5000), 'longer than any'],
] as const) {
  test(`a damaged memory is an error, not an empty one: ${reason}`, async (t) => {
    const folder = temporaryFolder(t);
    const memory = new SequenceMemory(folder);
    await memory.remember(app, { sequence: 5, digest: digest('a') });
    const [file = ''] = files(folder);
    writeFileSync(join(folder, file), change.replace('"D"', JSON.stringify(digest('a'))));
    const error = await t.throwsAsync(memory.recall(app), { code: 'TRUST_MEMORY_INVALID' });
    t.true(error.message.includes(file));
    await t.throwsAsync(memory.remember(app, { sequence: 6, digest: digest('b') }), {
      code: 'TRUST_MEMORY_INVALID',
    });
  });
}

test('a memory that is a pipe is an error, and nobody is waited for', async (t) => {
  const folder = temporaryFolder(t);
  const memory = new SequenceMemory(folder);
  await memory.remember(app, { sequence: 5, digest: digest('a') });
  const file = join(folder, files(folder)[0] ?? '');
  rmSync(file);
  execFileSync('mkfifo', [file]);
  await t.throwsAsync(memory.recall(app), { code: 'TRUST_MEMORY_INVALID' });
});

test('recall() reads what the first versions wrote', async (t) => {
  const folder = temporaryFolder(t);
  const memory = new SequenceMemory(folder);
  await memory.remember(app, { sequence: 5, digest: digest('a') });
  const file = join(folder, files(folder)[0] ?? '');
  writeFileSync(file, JSON.stringify({ ...app, sequence: 5, digest: digest('a') }));
  t.deepEqual(await memory.recall(app), { sequence: 5, digest: digest('a') });
});

test('a digest of which one digit was changed is an error, not another digest', async (t) => {
  const folder = temporaryFolder(t);
  const memory = new SequenceMemory(folder);
  await memory.remember(app, { sequence: 5, digest: digest('a') });
  const file = join(folder, files(folder)[0] ?? '');
  const text = readFileSync(file, 'utf8');
  writeFileSync(
    file,
    text.replace(/(?<="digest":"sha256:)./, (digit) => (digit === '0' ? '1' : '0')),
  );
  await t.throwsAsync(memory.recall(app), { code: 'TRUST_MEMORY_INVALID', message: /: it was changed$/ });
});

test('what a killed command left is no memory, and does not stay', async (t) => {
  const folder = temporaryFolder(t);
  const memory = new SequenceMemory(folder);
  await memory.remember(app, { sequence: 1, digest: digest('a') });
  writeFileSync(join(folder, '.tmp-def'), 'half');
  t.deepEqual(await memory.recall(app), { sequence: 1, digest: digest('a') });
  await memory.sweep();
  t.false(existsSync(join(folder, '.tmp-def')));
  t.deepEqual(await memory.recall(app), { sequence: 1, digest: digest('a') });
});

test('many at once end with the highest', async (t) => {
  const folder = temporaryFolder(t);
  const numbers = Array.from({ length: 40 }, (_, index) => ((index * 17) % 40) + 1);
  await Promise.all(
    numbers.map((sequence) => {
      return new SequenceMemory(folder).remember(app, { sequence, digest: digest(String(sequence)) });
    }),
  );
  t.deepEqual(await new SequenceMemory(folder).recall(app), { sequence: 40, digest: digest('40') });
});

test('killed at any instant, the memory is whole and never lower than what was reported', async (t) => {
  const folder = temporaryFolder(t);
  const program = `
    import { SequenceMemory } from ${JSON.stringify(new URL('./sequence-memory.ts', import.meta.url).href)};
    const memory = new SequenceMemory(${JSON.stringify(folder)});
    const name = { repository: 'com.example.app', tag: '1.0' };
    for (let sequence = ((await memory.recall(name))?.sequence ?? 0) + 1; ; sequence += 1) {
      await memory.remember(name, { sequence, digest: 'sha256:' + String(sequence).padStart(64, '0') });
      process.stdout.write(sequence + '\\n');
    }`;
  let reported = 0;
  for (let round = 0; round < 6; round += 1) {
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
    await once(child.stdout, 'data');
    await delay(round * 3);
    child.kill('SIGKILL');
    await once(child, 'close');
    const last = Number(output.slice(0, output.lastIndexOf('\n')).split('\n').at(-1));
    t.true(last > reported);
    reported = last;
    const recalled = await new SequenceMemory(folder).recall(app);
    t.true(recalled !== undefined && recalled.sequence >= reported && recalled.sequence <= reported + 1);
  }
  t.true(readFileSync(join(folder, files(folder)[0] ?? '')).byteLength > 0);
});
