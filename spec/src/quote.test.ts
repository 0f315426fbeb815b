import test from 'ava';
import fc from 'fast-check';
import { quote } from './quote.ts';

test('quote() writes a value as JSON on one line', (t) => {
  t.is(quote('app'), '"app"');
  t.is(quote('a"b\\c\n'), '"a\\"b\\\\c\\n"');
  t.is(quote(''), '""');
  t.is(quote(1.5), '1.5');
  t.is(quote(null), 'null');
  t.is(quote(undefined), 'undefined');
  t.is(quote({ a: [1] }), '{"a":[1]}');
});

test('quote() escapes what JSON leaves as it is', (t) => {
  t.is(quote('\u009b2J\u202e\u007f'), '"\\u009b2J\\u202e\\u007f"');
});

test('quote() cuts after 120 characters, or those given, and closes the quotes', (t) => {
  t.is(quote('a'.repeat(120)), `"${'a'.repeat(120)}"`);
  t.is(quote('a'.repeat(121)), `"${'a'.repeat(120)}…"`);
  t.is(quote('a'.repeat(5_000_000)), `"${'a'.repeat(120)}…"`);
  t.is(quote('a'.repeat(201), 200), `"${'a'.repeat(200)}…"`, 'or as many as are given');
});

test('quote() does not cut a character in half', (t) => {
  t.is(quote(`${'a'.repeat(119)}🐳🐳`), `"${'a'.repeat(119)}…"`);
});

test('quote() never throws, whatever the value is', (t) => {
  const circular: { self?: unknown } = {};
  circular.self = circular;
  t.is(quote(circular), '[object Object]');
  t.is(quote(10n), '[object BigInt]');
  t.is(quote(Symbol('s')), 'Symbol(s)');
  t.notRegex(
    quote(() => {
      return 1;
    }),
    /\n/,
  );
  fc.assert(
    fc.property(fc.anything({ withNullPrototype: true, withBigInt: true }), (value) => quote(value) !== ''),
  );
});

test('quote() lets no control character through and stays short', (t) => {
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: 'binary', maxLength: 500 }), fc.anything()), (value) => {
      const text = quote(value);
      t.notRegex(text, /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u);
      t.true(text.length <= 2 + 1 + 120 * '\\u{e0041}'.length, text);
    }),
  );
});

test('quote() of well-formed text that needs no cut is JSON of the same text', (t) => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 20 }), (text) => {
      fc.pre(!/\p{Cf}/u.test(text) && text.length <= 120);
      t.is(JSON.parse(quote(text)), text);
    }),
  );
});
