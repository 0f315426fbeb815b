import test from 'ava';
import fc from 'fast-check';
import { printable } from './printable.ts';

const escaped: readonly [text: string, expected: string, reason: string][] = [
  ['a\nb', 'a\\u000ab', 'a new line would begin a forged line'],
  ['\u001b[2J', '\\u001b[2J', 'an escape sequence clears the screen'],
  ['\u009b2J', '\\u009b2J', 'the one-character form of the same'],
  ['\u007f', '\\u007f', 'DEL'],
  ['a\u202eb', 'a\\u202eb', 'a right-to-left override turns the rest of the line around'],
  ['\u061c', '\\u061c', 'the Arabic letter mark is invisible'],
  ['\u200b', '\\u200b', 'zero-width space'],
  ['\ufeff', '\\ufeff', 'byte order mark'],
  ['\u2028', '\\u2028', 'line separator'],
  ['\ud800', '\\ud800', 'half a character'],
  ['\u{e0041}', '\\u{e0041}', 'a tag character hides text'],
];

test('printable() escapes what a terminal acts on or a reader does not see', (t) => {
  for (const [text, expected, reason] of escaped) t.is(printable(text), expected, reason);
});

test('printable() leaves letters of all languages, symbols and spaces as they are', (t) => {
  for (const text of ['', 'com.example.app', 'Grüße, 世界', 'a b', '"\\"', '🐳']) t.is(printable(text), text);
});

test('printable() lets no control character through and is stable', (t) => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const result = printable(text);
      t.notRegex(result, /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u);
      t.is(printable(result), result);
    }),
  );
});
