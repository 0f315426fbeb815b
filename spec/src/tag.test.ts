import test from 'ava';
import fc from 'fast-check';
import { SpecError } from './spec-error.ts';
import { isTag, latestTag, parseTag } from './tag.ts';

const refused: readonly [text: string, reason: string][] = [
  ['', 'empty'],
  ['.a', 'begins with a dot'],
  ['-a', 'begins with a dash'],
  ['a b', 'a space'],
  ['a/b', 'a slash'],
  ['a:b', 'a colon'],
  ['a+b', 'a plus sign, as in versions of semver'],
  ['ä', 'not ASCII'],
  ['a\n', 'a new line at the end'],
  ['a'.repeat(129), 'too long'],
];

test('parseTag() accepts what distribution-spec allows', (t) => {
  for (const text of [
    'a',
    '1.4.0',
    '_',
    'V1.0-rc_2',
    'a..b--c',
    `sha256-${'a'.repeat(64)}.sig`,
    'a'.repeat(128),
  ]) {
    t.is(parseTag(text) as string, text);
  }
  t.is(parseTag('latest'), latestTag);
});

test('parseTag() refuses everything else, naming it', (t) => {
  for (const [text, reason] of refused) {
    t.throws(
      () => parseTag(text),
      { instanceOf: SpecError, code: 'TAG_INVALID', message: /^tag ".*" should be 1 to 128/ },
      reason,
    );
  }
});

test('isTag() is the expression of distribution-spec', (t) => {
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom('a', 'Z', '0', '_', '.', '-', '/', '\n', 'ä') }),
      (text) => {
        t.is(isTag(text), /^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/.test(text) && !text.includes('\n'));
      },
    ),
  );
});
