import test from 'ava';
import { bold, lineWidth, red, renderLine } from './text.ts';

test('renderLine() styles only where colours are wanted', (t) => {
  t.is(renderLine(['a ', bold('b')], { color: false }), 'a b');
  t.is(renderLine(['a ', bold('b')], { color: true }), 'a \u001b[1mb\u001b[22m');
  t.is(renderLine(red('x'), { color: true }), '\u001b[31mx\u001b[39m');
});

test('renderLine() lets nothing from outside act on a terminal or begin a line', (t) => {
  const hostile = '\u001b[2J\nimg: done\u009b1m\u202e';
  for (const line of [hostile, bold(hostile), ['ok ', hostile]]) {
    t.notRegex(renderLine(line, { color: false }), /[\p{Cc}\p{Cf}]/u);
  }
  t.is(
    renderLine(bold(hostile), { color: true }).split('\u001b').length,
    3,
    'only the two of the style itself',
  );
});

test('lineWidth() counts what is shown', (t) => {
  t.is(lineWidth(['a', bold('🐳')]), 2);
  t.is(lineWidth('\n'), '\\u000a'.length);
});
