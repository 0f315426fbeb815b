import test from 'ava';
import fc from 'fast-check';
import { isRepositoryName, parseRepositoryName } from './repository-name.ts';
import { SpecError } from './spec-error.ts';

const accepted: readonly [text: string, reason: string][] = [
  ['a', 'one character'],
  ['0', 'a digit'],
  ['com.example.app', 'a domain turned around'],
  ['library/nginx', 'two parts'],
  ['a/b/c/d', 'many parts'],
  ['a__b', 'two underscores'],
  ['a----b', 'any number of dashes'],
  ['a.b_c-d__e--f', 'every separator'],
  ['a'.repeat(255), 'the longest'],
];

const refused: readonly [text: string, reason: string][] = [
  ['', 'empty'],
  ['A', 'upper case'],
  ['a/B', 'upper case in a later part'],
  ['ä', 'not ASCII'],
  ['a b', 'a space'],
  ['a..b', 'two dots'],
  ['..', 'the parent folder'],
  ['a/../b', 'the parent folder between'],
  ['.a', 'begins with a separator'],
  ['a.', 'ends with a separator'],
  ['a-', 'ends with a separator'],
  ['a/-b', 'a part begins with a separator'],
  ['a___b', 'three underscores'],
  ['a._b', 'two separators'],
  ['/a', 'begins with a slash'],
  ['a/', 'ends with a slash'],
  ['a//b', 'an empty part'],
  ['a:b', 'a colon'],
  ['a@b', 'an at sign'],
  ['a%2fb', 'a percent sign'],
  ['a\nb', 'a new line'],
  ['a\n', 'a new line at the end'],
  ['a\0', 'a zero'],
  ['a'.repeat(256), 'too long'],
];

test('parseRepositoryName() accepts what distribution-spec allows', (t) => {
  for (const [text, reason] of accepted) t.is(parseRepositoryName(text) as string, text, reason);
});

test('parseRepositoryName() refuses everything else, naming it', (t) => {
  for (const [text, reason] of refused) {
    const error = t.throws(
      () => parseRepositoryName(text),
      { instanceOf: SpecError, code: 'NAME_INVALID' },
      reason,
    );
    t.regex(error?.message ?? '', /^name ".*" should be lower-case letters and digits/, reason);
  }
});

test('isRepositoryName() is the expression of distribution-spec', (t) => {
  const specification = /^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*$/;
  const characters = fc.constantFrom('a', 'b', '0', '.', '_', '-', '/', 'A', ':', '\n');
  fc.assert(
    fc.property(fc.string({ unit: characters, maxLength: 16 }), (text) => {
      t.is(isRepositoryName(text), specification.test(text), text);
    }),
    { numRuns: 1000 },
  );
});

test('isRepositoryName() takes no longer for hostile names', (t) => {
  for (const part of ['a', 'a_', 'a-', 'a.', '_', '-', 'a__']) {
    t.false(isRepositoryName(`${part.repeat(250 / part.length)}!`));
    t.false(isRepositoryName(`${part.repeat(3_000_000)}!`));
  }
});
