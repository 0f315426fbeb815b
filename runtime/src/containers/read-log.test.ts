import { appendFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '@img/sign/testing/temporary-folder';
import test from 'ava';
import { type LogEntry, parseLogLine, type ReadLogOptions, readLog } from './read-log.ts';

const line = (second: number, text: string, tag = 'F', stream = 'stdout') =>
  `2026-01-01T00:00:0${second}.000000000+00:00 ${stream} ${tag} ${text}\n`;

const textOf = ({ bytes }: LogEntry) => Buffer.from(bytes).toString();

async function textsOf(path: string, options: ReadLogOptions = {}): Promise<readonly string[]> {
  return await Array.fromAsync(readLog(path, options), textOf);
}

for (const [text, wanted, reason] of [
  [line(1, 'hello'), 'hello\n', 'a line'],
  [line(1, 'hel', 'P'), 'hel', 'a part of one'],
  [line(1, ''), '\n', 'an empty line'],
  [line(1, ' a  b '), ' a  b \n', 'spaces are the app’s'],
  [line(1, 'F stdout F'), 'F stdout F\n', 'what looks like the format again'],
  [line(1, 'x', 'F', 'stdin'), undefined, 'another stream'],
  [line(1, 'x', 'Q'), undefined, 'another tag'],
  ['yesterday stdout F x\n', undefined, 'no time'],
  ['garbage\n', undefined, 'nothing of it'],
  ['\n', undefined, 'an empty line of the file'],
] as const) {
  test(`parseLogLine() reads ${JSON.stringify(text)}: ${reason}`, (t) => {
    const entry = parseLogLine(Buffer.from(text.slice(0, -1)));
    t.is(entry === undefined ? undefined : textOf(entry), wanted);
  });
}

test('parseLogLine() leaves bytes that are no text as they are', (t) => {
  const bytes = Buffer.concat([Buffer.from(line(1, '').slice(0, -1)), Buffer.from([0xff, 0x00, 0x1b])]);
  t.deepEqual([...(parseLogLine(bytes)?.bytes ?? [])], [0xff, 0x00, 0x1b, 0x0a]);
});

test('readLog() gives what was written at a time or later, and the last lines of it', async (t) => {
  const path = join(temporaryFolder(t), 'log');
  t.deepEqual(await textsOf(path), [], 'nothing was written');
  writeFileSync(path, [line(1, 'a'), line(2, 'b', 'P'), line(2, 'c'), line(3, 'd')].join(''));
  t.deepEqual(await textsOf(path), ['a\n', 'b', 'c\n', 'd\n']);
  const since = new Date('2026-01-01T00:00:02Z');
  t.deepEqual(await textsOf(path, { since }), ['b', 'c\n', 'd\n']);
  t.deepEqual(await textsOf(path, { tail: 2 }), ['b', 'c\n', 'd\n'], 'a line of two parts is one');
  t.deepEqual(await textsOf(path, { tail: 9 }), ['a\n', 'b', 'c\n', 'd\n']);
  t.deepEqual(await textsOf(path, { since, tail: 1 }), ['d\n']);
  appendFileSync(path, line(4, 'e', 'P'));
  t.deepEqual(await textsOf(path, { tail: 1 }), ['e'], 'a line that has not ended is one');
});

test('readLog() reads a line longer than it reads at once, and one written in two pieces', async (t) => {
  const path = join(temporaryFolder(t), 'log');
  const long = 'x'.repeat(600_000);
  const last = line(2, 'later');
  writeFileSync(path, line(1, long) + last.slice(0, 20));
  let asked = 0;
  const texts = await textsOf(path, {
    follow: () => {
      asked += 1;
      if (asked === 2) appendFileSync(path, last.slice(20));
      return asked < 3;
    },
  });
  t.deepEqual(texts, [`${long}\n`, 'later\n']);
});

test('readLog() follows into a new file, and to the end of one that is removed', async (t) => {
  const path = join(temporaryFolder(t), 'log');
  let asked = 0;
  const steps = [
    () => writeFileSync(path, line(1, 'a')),
    () => {
      appendFileSync(path, line(2, 'b'));
      writeFileSync(`${path}.new`, line(3, 'c'));
      renameSync(`${path}.new`, path);
    },
    () => appendFileSync(path, line(4, 'd')),
    () => {
      appendFileSync(path, line(5, 'e'));
      rmSync(path);
    },
  ];
  const follow = () => {
    steps[asked]?.();
    asked += 1;
    return asked <= steps.length;
  };
  t.deepEqual(await textsOf(path, { follow }), ['a\n', 'b\n', 'c\n', 'd\n', 'e\n']);
});

test('readLog() ends with the reason of the signal', async (t) => {
  const path = join(temporaryFolder(t), 'log');
  writeFileSync(path, line(1, 'a'));
  const controller = new AbortController();
  const reading = async () => {
    for await (const _ of readLog(path, { follow: () => true, signal: controller.signal }))
      controller.abort();
  };
  await t.throwsAsync(reading(), { name: 'AbortError' });
});
