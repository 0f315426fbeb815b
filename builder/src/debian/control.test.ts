import test from 'ava';
import { parseControl, wordsOf } from './control.ts';

const parse = (text: string) =>
  parseControl(text, 'the file', 'RELEASE_INVALID').map((stanza) => [...stanza]);

const readings: readonly (readonly [text: string, expected: unknown, why: string])[] = [
  ['', [], 'an empty file'],
  ['A: 1\n', [[['a', '1']]], 'a field; names are case-insensitive'],
  [
    'A: 1\nB:2\n\nC: 3',
    [
      [
        ['a', '1'],
        ['b', '2'],
      ],
      [['c', '3']],
    ],
    'an empty line ends a paragraph',
  ],
  ['A: 1\n \t\nB: 2', [[['a', '1']], [['b', '2']]], 'so does one with blanks only'],
  ['A: 1\n 2\n\t3\n', [[['a', '1\n2\n3']]], 'a line that begins with a blank goes on'],
  ['A:\n 1\n', [[['a', '\n1']]], 'also after an empty first line'],
  ['# no\nA: 1\n# no\n 2\n', [[['a', '1\n2']]], 'comments are left out, wherever they are'],
  ['A: http://x:1/\n', [[['a', 'http://x:1/']]], 'the first colon ends the name'],
];

for (const [text, expected, why] of readings) {
  test(`parseControl() reads ${JSON.stringify(text)}: ${why}`, (t) => {
    t.deepEqual(parse(text) as unknown, expected);
  });
}

const malformed: readonly (readonly [text: string, line: string, why: string])[] = [
  [' a\n', 'line 1', 'a continuation of nothing'],
  ['A: 1\n\n b\n', 'line 3', 'a continuation across paragraphs'],
  ['A: 1\nnothing\n', 'line 2', 'no colon'],
  [': 1\n', 'line 1', 'no name'],
  ['A B: 1\n', 'line 1', 'a blank in a name'],
  ['A: 1\na: 2\n', 'line 2', 'the same name twice: which one would count?'],
];

for (const [text, line, why] of malformed) {
  test(`parseControl() refuses ${JSON.stringify(text)}: ${why}`, (t) => {
    const error = t.throws(() => parse(text), { code: 'RELEASE_INVALID' });
    t.true(error?.message.startsWith(`the file: ${line}, `), error?.message);
  });
}

test('wordsOf() splits at blanks, commas and line breaks', (t) => {
  t.deepEqual(wordsOf(' a  b,c\nd '), ['a', 'b', 'c', 'd']);
  t.deepEqual(wordsOf(undefined), []);
});
