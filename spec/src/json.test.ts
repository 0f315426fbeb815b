import test from 'ava';
import fc from 'fast-check';
import { type JsonValue, parseJson } from './json.ts';
import { SpecError, type SpecErrorCode } from './spec-error.ts';

const encode = (text: string) => new TextEncoder().encode(text);
const parse = (text: string, maxDepth?: number): JsonValue =>
  parseJson(encode(text), { maxBytes: 16 * 1024 * 1024, ...(maxDepth === undefined ? {} : { maxDepth }) });

test('parseJson() reads what JSON.parse() reads', (t) => {
  // Duplicate keys can't come out of an object; __proto__ can, and must stay a plain key.
  fc.assert(
    fc.property(
      fc.json({ stringUnit: 'binary', maxDepth: 8 }),
      fc.constantFrom(undefined, 1, '\t'),
      (text, indent) => {
        fc.pre(text.isWellFormed() && !/\\ud[89a-f]/i.test(text));
        const value: unknown = JSON.parse(text);
        t.deepEqual(parse(JSON.stringify(value, null, indent)) as unknown, value);
      },
    ),
    { numRuns: 500 },
  );
});

/** Undefined for what is no JSON, and for numbers that a double can't hold, which JSON.parse() makes infinite. */
function parsedOrUndefined(text: string): unknown {
  let isExact = true;
  try {
    const value: unknown = JSON.parse(text, (_, inner: unknown) => {
      if (typeof inner === 'number' && !Number.isFinite(inner)) isExact = false;
      return inner;
    });
    return isExact ? value : undefined;
  } catch {
    return undefined;
  }
}

test('parseJson() agrees with JSON.parse() on which changed documents are JSON at all', (t) => {
  // A first key that was never there before, because JSON.parse() of Node 24.21 takes the key "b\\nt" for the key
  // "b\\\\n" of an earlier object that began with the same keys.
  let runs = 0;
  fc.assert(
    fc.property(fc.nat(60), fc.constantFrom('', ...'{}[]",:0-+.eE\\u\n\t tfn\u0001Ω'), (position, insert) => {
      runs += 1;
      const first = `a${runs}`;
      const document = JSON.stringify({ [first]: [1, -2.5e3, true, null], 'b\n': { c: 'Ω\\"/', d: [] } });
      const at = Math.min(position, document.length);
      for (const text of [
        document.slice(0, at) + insert + document.slice(at),
        document.slice(0, at) + insert,
      ]) {
        const wanted = parsedOrUndefined(text);
        if (wanted === undefined) {
          t.throws(() => parse(text), { instanceOf: SpecError, code: 'JSON_INVALID' }, text);
          continue;
        }
        t.deepEqual(parse(text) as unknown, wanted);
      }
    }),
    { numRuns: 500 },
  );
});

test('parseJson() throws nothing but SpecError on any bytes', (t) => {
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array(), fc.string().map(encode)), (bytes) => {
      try {
        parseJson(bytes, { maxBytes: 1024 });
      } catch (error) {
        t.true(error instanceof SpecError);
      }
    }),
  );
  t.pass();
});

test('parseJson() keeps "__proto__" as a key and nothing inherited gets in the way', (t) => {
  const value = parse('{"__proto__":{"polluted":1},"toString":2,"constructor":3}') as object;
  t.deepEqual(Object.keys(value), ['__proto__', 'toString', 'constructor']);
  t.is(Object.getPrototypeOf(value), Object.prototype);
  t.false('polluted' in {});
});

const refused: readonly [text: string, reason: string, code: SpecErrorCode, message: RegExp][] = [
  ['', 'nothing', 'JSON_INVALID', /the end at character 0 where a value should be/],
  [' ', 'only space', 'JSON_INVALID', /the end at character 1/],
  ['{"a":1,"a":1}', 'a duplicate key, even with the same value', 'JSON_INVALID', /the key "a" twice/],
  ['{"a":1,"\\u0061":2}', 'a duplicate key, written differently', 'JSON_INVALID', /the key "a" twice/],
  [
    '{"x":{"__proto__":1,"__proto__":2}}',
    'a duplicate of a special key',
    'JSON_INVALID',
    /"__proto__" twice/,
  ],
  ['{"a":1}{"a":1}', 'two documents', 'JSON_INVALID', /at character 7 where the end should be/],
  ['[1,]', 'a comma too many', 'JSON_INVALID', /"\]" at character 3 where a value should be/],
  ['{"a":1,}', 'a comma too many', 'JSON_INVALID', /where a key should be/],
  ["{'a':1}", 'single quotes', 'JSON_INVALID', /where a key should be/],
  ['{a:1}', 'a key without quotes', 'JSON_INVALID', /where a key should be/],
  ['[1 2]', 'no comma', 'JSON_INVALID', /where "," or "\]" should be/],
  ['{"a" 1}', 'no colon', 'JSON_INVALID', /where ":" should be/],
  ['01', 'a leading zero', 'JSON_INVALID', /character 1 where the end should be/],
  ['1.', 'no digit after the point', 'JSON_INVALID', /where the end should be/],
  ['+1', 'a plus sign', 'JSON_INVALID', /where a value should be/],
  ['0x10', 'hexadecimal', 'JSON_INVALID', /where the end should be/],
  ['NaN', 'not a number', 'JSON_INVALID', /where a value should be/],
  ['1e999', 'more than a double holds', 'JSON_INVALID', /number "1e999" is out of range/],
  ['"\u0001"', 'a control character in a string', 'JSON_INVALID', /where the end of a string should be/],
  ['"\\x41"', 'an unknown escape', 'JSON_INVALID', /where an escape should be/],
  ['"\\u00g0"', 'not hex', 'JSON_INVALID', /where an escape should be/],
  ['"abc', 'no end', 'JSON_INVALID', /the end at character 4 where the end of a string/],
  ['"\\ud800"', 'half a character', 'JSON_INVALID', /half a character in "\\ud800"/],
  ['{"\\udfff":1}', 'half a character in a key', 'JSON_INVALID', /half a character/],
  ['\ufeff{}', 'a byte order mark', 'JSON_INVALID', /"\\ufeff\{\}" at character 0/],
  ['/**/1', 'a comment', 'JSON_INVALID', /where a value should be/],
  ['tru', 'half a word', 'JSON_INVALID', /where a value should be/],
];

test('parseJson() refuses what is not JSON or has two meanings', (t) => {
  for (const [text, reason, code, message] of refused) {
    t.throws(() => parse(text), { instanceOf: SpecError, code, message }, reason);
  }
});

test('parseJson() refuses bytes that are not UTF-8', (t) => {
  for (const bytes of [
    [0x22, 0xff, 0x22],
    [0x22, 0xc0, 0xaf, 0x22],
    [0x22, 0xed, 0xa0, 0x80, 0x22],
  ]) {
    t.throws(() => parseJson(Uint8Array.from(bytes), { maxBytes: 9 }), {
      instanceOf: SpecError,
      code: 'JSON_INVALID',
      message: /not valid UTF-8/,
    });
  }
});

test('parseJson() accepts surrogate pairs written as escapes', (t) => {
  t.is(parse('"\\ud83d\\udc33"'), '🐳');
});

test('parseJson() counts bytes, not characters, and refuses one too many', (t) => {
  t.is(parseJson(encode('"Ω"'), { maxBytes: 4 }), 'Ω');
  t.throws(() => parseJson(encode('"Ω"'), { maxBytes: 3 }), {
    instanceOf: SpecError,
    code: 'JSON_TOO_LONG',
    message: /of 4 bytes is longer than the 3 allowed/,
  });
});

test('parseJson() accepts exactly the depth allowed', (t) => {
  t.deepEqual(parse('[{"a":[]}]', 3), [{ a: [] }]);
  t.throws(() => parse('[{"a":[]}]', 2), {
    instanceOf: SpecError,
    code: 'JSON_TOO_DEEP',
    message: /more than 2 deep/,
  });
});

const million = 1_000_000;
const large: readonly [name: string, text: string, code: SpecErrorCode | undefined][] = [
  ['arrays without end', '['.repeat(4 * million), 'JSON_TOO_DEEP'],
  ['objects without end', '{"a":'.repeat(million), 'JSON_TOO_DEEP'],
  ['a number of a million digits', '1'.repeat(million), 'JSON_INVALID'],
  ['a fraction of a million digits', `0.${'1'.repeat(million)}`, undefined],
  ['a million spaces', `${' '.repeat(million)}1`, undefined],
  ['a string of a million escapes', `"${'\\n'.repeat(million)}"`, undefined],
  ['a string that never ends', `"${'a'.repeat(4 * million)}`, 'JSON_INVALID'],
  [
    'half a million keys',
    `{${Array.from({ length: million / 2 }, (_, i) => `"k${i}":0`).join()}}`,
    undefined,
  ],
  [
    'many numeric keys',
    `{${Array.from({ length: million / 2 }, (_, i) => `"${i * 7919}":0`).join()}}`,
    undefined,
  ],
  [
    'a duplicate after many keys',
    `{${Array.from({ length: 100_000 }, (_, i) => `"k${i}":0`).join()},"k0":0}`,
    'JSON_INVALID',
  ],
  ['a million elements', `[${'0,'.repeat(million)}0]`, undefined],
];

for (const [name, text, code] of large) {
  // Anything worse than linear would run into the test runner's time-out.
  test(`parseJson() takes linear time: ${name}`, (t) => {
    if (code === undefined) t.deepEqual(parse(text) as unknown, JSON.parse(text));
    else t.throws(() => parse(text), { instanceOf: SpecError, code });
  });
}
