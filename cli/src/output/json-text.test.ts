import test from 'ava';
import fc from 'fast-check';
import { jsonText } from './json-text.ts';

test('jsonText() is JSON of the same value', (t) => {
  fc.assert(
    fc.property(fc.jsonValue({ stringUnit: 'binary' }), (value) => {
      t.deepEqual(JSON.parse(jsonText(value)), JSON.parse(JSON.stringify(value)));
    }),
  );
});

test('jsonText() has nothing in it that acts on a terminal', (t) => {
  t.is(jsonText('\u001b\u009b\u202e\u{e0041}'), '"\\u001b\\u009b\\u202e\\udb40\\udc41"');
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) =>
      t.notRegex(jsonText([text]), /[^\P{Cc}\n]|[\p{Cf}\p{Cs}]/u),
    ),
  );
});
