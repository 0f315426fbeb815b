import test from 'ava';
import { tableLines } from './table.ts';
import { bold, type Line, renderLine } from './text.ts';

const rendered = (lines: readonly Line[]) => lines.map((line) => renderLine(line, { color: false }));

test('tableLines() aligns columns two spaces apart', (t) => {
  const lines = tableLines(
    [{ title: 'name' }, { title: 'size', align: 'right' }, { title: 'tag' }],
    [
      [bold('app'), '1 B', '1.0'],
      ['longer-name', '12.3 MB', 'latest'],
    ],
  );
  t.deepEqual(rendered(lines), [
    'NAME            SIZE  TAG',
    'app              1 B  1.0',
    'longer-name  12.3 MB  latest',
  ]);
});

test('tableLines() escapes cells before it measures them, and takes missing cells as empty', (t) => {
  const lines = tableLines([{ title: 'a' }, { title: 'b' }], [['x\ny', '1'], ['z']]);
  t.deepEqual(rendered(lines), ['A         B', 'x\\u000ay  1', 'z         ']);
});

test('tableLines() of no rows is nothing, so that scripts count right', (t) => {
  t.deepEqual(tableLines([{ title: 'a' }], []), []);
});
