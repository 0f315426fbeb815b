import test from 'ava';
import { progressFrame } from './progress-frame.ts';
import { ProgressItems } from './progress-items.ts';
import { barView, lineView, silentView } from './progress-view.ts';

function recorder(terminal: { columns?: number; rows?: number } = {}) {
  const written: string[] = [];
  return { ...terminal, written, write: (text: string) => written.push(text) };
}

test('ProgressItems counts what is at work and what has ended', (t) => {
  const items = new ProgressItems();
  items.add({ kind: 'start', item: 'a', what: 'pull a', totalBytes: 10 }, 5);
  items.add({ kind: 'start', item: 'b', what: 'pull b' }, 6);
  items.add({ kind: 'advance', item: 'a', bytes: 4 }, 7);
  items.add({ kind: 'advance', item: 'a', bytes: 3 }, 8);
  items.add({ kind: 'skip', item: 'c', what: 'pull c', reason: 'is here' }, 9);
  t.deepEqual(items.active, [
    { what: 'pull a', totalBytes: 10, bytes: 7, startedAt: 5 },
    { what: 'pull b', totalBytes: undefined, bytes: 0, startedAt: 6 },
  ]);
  t.like(items.add({ kind: 'done', item: 'a' }, 10), { what: 'pull a' });
  t.is(items.add({ kind: 'done', item: 'unknown' }, 10), undefined);
  t.is(items.bytes, 7);
  t.is(items.endedCount, 3);
});

test('progressFrame() draws a bar where the total is known and nothing when all is done', (t) => {
  const items = new ProgressItems();
  items.add({ kind: 'start', item: 'a', what: 'pull a', totalBytes: 2000 }, 0);
  items.add({ kind: 'start', item: 'b', what: 'resolve\u001b[2J' }, 0);
  items.add({ kind: 'advance', item: 'a', bytes: 1000 }, 0);
  t.deepEqual(progressFrame(items, { columns: 60, rows: 24, now: 1500 }), [
    '  pull a          [==========          ]   1.0 kB of 2.0 kB',
    '  resolve\\u001b[2J                                    1.5 s',
    '  0 done, 2 at work, 1.0 kB',
  ]);
  items.add({ kind: 'done', item: 'a' }, 0);
  items.add({ kind: 'done', item: 'b' }, 0);
  t.deepEqual(progressFrame(items, { columns: 60, rows: 24, now: 1500 }), []);
});

test('progressFrame() keeps within the terminal, however small it is and whatever is sent', (t) => {
  const items = new ProgressItems();
  for (let index = 0; index < 20; index += 1) {
    items.add({ kind: 'start', item: `${index}`, what: 'x'.repeat(300), totalBytes: 10 }, 0);
    items.add({ kind: 'advance', item: `${index}`, bytes: 1e12 }, 0);
  }
  for (const [columns, rows] of [
    [80, 24],
    [20, 5],
    [1, 1],
    [0, 0],
  ] as const) {
    const lines = progressFrame(items, { columns, rows, now: 0 });
    t.true(
      lines.every((line) => [...line].length <= Math.max(0, columns - 1)),
      `${columns}`,
    );
    t.true(lines.length <= Math.max(2, Math.min(9, rows - 1)), `${rows}`);
  }
});

test('lineView() writes a line when something ends', (t) => {
  const stream = recorder();
  let now = 0;
  const view = lineView(stream, () => now);
  view.event({ kind: 'start', item: 'a', what: 'pull \u001ba', totalBytes: 10 });
  view.event({ kind: 'advance', item: 'a', bytes: 10 });
  now = 1500;
  view.event({ kind: 'done', item: 'a' });
  view.event({ kind: 'start', item: 'b', what: 'sign' });
  view.event({ kind: 'done', item: 'b' });
  view.event({ kind: 'skip', item: 'c', what: 'pull c', reason: 'is here' });
  view.end();
  t.deepEqual(stream.written, ['pull \\u001ba: 10 B in 1.5 s\n', 'sign: 0.0 s\n', 'pull c: is here\n']);
});

test('barView() gives the lines back before anything else is written, and at the end', (t) => {
  const stream = recorder({ columns: 80, rows: 24 });
  const view = barView(stream, () => 0);
  view.event({ kind: 'start', item: 'a', what: 'pull a', totalBytes: 10 });
  t.deepEqual(stream.written, [], 'drawn by the clock, not by every event');
  view.interrupt(() => stream.write('note\n'));
  t.deepEqual(stream.written, ['note\n']);
  view.end();
  t.deepEqual(stream.written, ['note\n']);
});

test('barView() draws while something is at work', async (t) => {
  const stream = recorder({ columns: 80, rows: 24 });
  const drawn = Promise.withResolvers<void>();
  const view = barView(
    {
      ...stream,
      write: (text) => {
        stream.write(String(text));
        drawn.resolve();
      },
    },
    () => 0,
  );
  view.event({ kind: 'start', item: 'a', what: 'pull a', totalBytes: 10 });
  const keepAlive = setInterval(() => undefined, 1000);
  await drawn.promise;
  clearInterval(keepAlive);
  t.regex(stream.written[0] ?? '', /^ {2}pull a +\[ {20}\] +0 B of 10 B\n {2}0 done, 1 at work\n$/);
  view.interrupt(() => stream.write('note\n'));
  t.deepEqual(stream.written.slice(1, 3), ['\u001b[2A\u001b[J', 'note\n']);
  t.regex(stream.written[3] ?? '', /pull a/, 'drawn again below');
  view.end();
  t.is(stream.written.at(-1), '\u001b[2A\u001b[J');
});

test('silentView shows nothing but what interrupts', (t) => {
  const stream = recorder();
  silentView.event({ kind: 'start', item: 'a', what: 'pull a' });
  silentView.interrupt(() => stream.write('note'));
  silentView.end();
  t.deepEqual(stream.written, ['note']);
});
