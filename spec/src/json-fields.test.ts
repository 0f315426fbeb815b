import test from 'ava';
import type { JsonValue } from './json.ts';
import { JsonFields } from './json-fields.ts';
import { SpecError } from './spec-error.ts';

const fieldsOf = (value: JsonValue | undefined) => new JsonFields(value, 'doc', 'CONFIG_INVALID');

const notObjects: readonly [value: JsonValue | undefined, message: string][] = [
  [undefined, 'doc should be an object, not absent'],
  [null, 'doc should be an object, not null'],
  [[], 'doc should be an object, not a list'],
  ['text', 'doc should be an object, not "text"'],
  [1, 'doc should be an object, not 1'],
];

test('JsonFields refuses everything but objects', (t) => {
  for (const [value, message] of notObjects) {
    t.throws(() => fieldsOf(value), { instanceOf: SpecError, code: 'CONFIG_INVALID', message });
  }
});

const refused: readonly [
  name: string,
  value: JsonValue,
  read: (fields: JsonFields) => unknown,
  message: string | RegExp,
][] = [
  ['a missing string', {}, (f) => f.string('a'), 'doc.a is missing'],
  ['null for a string', { a: null }, (f) => f.string('a'), 'doc.a is missing'],
  ['an inherited property', {}, (f) => f.string('toString'), 'doc.toString is missing'],
  ['a number for a string', { a: 1 }, (f) => f.string('a'), 'doc.a should be a string, not 1'],
  ['a list for a string', { a: ['b'] }, (f) => f.optionalString('a'), 'doc.a should be a string, not a list'],
  [
    'a string that is too long',
    { a: 'bcd' },
    (f) => f.string('a', 2),
    'doc.a is longer than the 2 characters allowed: "bcd"',
  ],
  [
    'a string for an integer',
    { a: '1' },
    (f) => f.integer('a', 0),
    /^doc\.a should be an integer from 0 to \d+, not "1"$/,
  ],
  ['a fraction', { a: 1.5 }, (f) => f.integer('a', 0, 9), 'doc.a should be an integer from 0 to 9, not 1.5'],
  [
    'an integer below',
    { a: -1 },
    (f) => f.integer('a', 0, 9),
    'doc.a should be an integer from 0 to 9, not -1',
  ],
  [
    'an integer above',
    { a: 10 },
    (f) => f.integer('a', 0, 9),
    'doc.a should be an integer from 0 to 9, not 10',
  ],
  ['an integer that a double rounds', { a: 2 ** 53 }, (f) => f.integer('a', 0), /not 9007199254740992$/],
  ['a number for a boolean', { a: 0 }, (f) => f.optionalBoolean('a'), 'doc.a should be true or false, not 0'],
  ['a string for an object', { a: '' }, (f) => f.optionalObject('a'), 'doc.a should be an object, not ""'],
  ['a missing object', {}, (f) => f.object('a'), 'doc.a is missing'],
  [
    'an object for a list',
    { a: {} },
    (f) => f.optionalArray('a', 9),
    'doc.a should be a list, not an object',
  ],
  ['a missing list', {}, (f) => f.array('a', 9), 'doc.a is missing'],
  [
    'a list that is too long',
    { a: [1, 2, 3] },
    (f) => f.array('a', 2),
    'doc.a has 3 items, more than the 2 allowed',
  ],
  [
    'a number in a list of strings',
    { a: ['b', 1] },
    (f) => f.optionalStrings('a', 9),
    'doc.a[1] should be a string, not 1',
  ],
  [
    'null in a list of strings',
    { a: [null] },
    (f) => f.optionalStrings('a', 9),
    'doc.a[0] should be a string, not null',
  ],
  [
    'a number in a map of strings',
    { a: { b: 1 } },
    (f) => f.optionalStringMap('a'),
    'doc.a.b should be a string, not 1',
  ],
  [
    'null in a map of strings',
    { a: { b: null } },
    (f) => f.optionalStringMap('a'),
    'doc.a.b should be a string, not null',
  ],
  [
    'a hostile key in a map',
    { a: { 'x\n\u001b[2J': 1 } },
    (f) => f.optionalStringMap('a'),
    'doc.a."x\\n\\u001b[2J" should be a string, not 1',
  ],
  [
    'a string in a set',
    { a: { b: 'c' } },
    (f) => f.optionalKeySet('a'),
    'doc.a.b should be an object, not "c"',
  ],
  ['a list for a set', { a: ['b'] }, (f) => f.optionalKeySet('a'), 'doc.a should be an object, not a list'],
  [
    'a date without time',
    { a: '2026-01-01' },
    (f) => f.optionalTimestamp('a'),
    /^doc\.a should be a date and time .*, not "2026-01-01"$/,
  ],
  ['an unknown key', { a: 1, 'b\n': 2 }, (f) => f.onlyKeys(['a']), 'doc has the unknown key "b\\n"'],
  [
    'a known key in another case',
    { Layers: [] },
    (f) => f.noOtherCase(['layers']),
    /^doc has the key "Layers", which other programs read/,
  ],
  [
    "a known key in Go's folding",
    { 'layer\u017f': [] },
    (f) => f.noOtherCase(['layers']),
    /^doc has the key "layerſ"/,
  ],
  ['the Kelvin sign', { '\u212aey': [] }, (f) => f.noOtherCase(['key']), /^doc has the key "\u212aey"/],
];

for (const [name, value, read, message] of refused) {
  test(`JsonFields refuses ${name}`, (t) => {
    t.throws(() => read(fieldsOf(value)), { instanceOf: SpecError, code: 'CONFIG_INVALID', message });
  });
}

test('JsonFields reads values', (t) => {
  const fields = fieldsOf({
    text: 'b',
    size: 7,
    zero: -0,
    flag: false,
    inner: { list: [1], names: ['x'] },
    map: { k: 'v', ['__proto__']: 'w' },
    set: { '80/tcp': {}, '81/tcp': null },
    time: '2026-01-31T12:00:00Z',
  });
  t.is(fields.string('text'), 'b');
  t.is(fields.integer('size', 0), 7);
  t.true(Object.is(fields.integer('zero', 0), 0), '-0 is read as 0');
  t.is(fields.optionalBoolean('flag'), false);
  t.deepEqual(fields.object('inner').array('list', 1), [1]);
  t.deepEqual(fields.object('inner').optionalStrings('names', 1), ['x']);
  t.deepEqual(Object.entries(fields.optionalStringMap('map') ?? {}), [
    ['k', 'v'],
    ['__proto__', 'w'],
  ]);
  t.deepEqual(fields.optionalKeySet('set'), ['80/tcp', '81/tcp']);
  t.is(fields.optionalTimestamp('time'), '2026-01-31T12:00:00Z');
  t.is(fields.object('inner').path('list'), 'doc.inner.list');
});

test('JsonFields reads null as absent, because Go writes it for empty lists and maps', (t) => {
  const fields = fieldsOf({ a: null });
  t.false(fields.has('a'));
  t.is(fields.value('a'), undefined);
  t.is(fields.optionalString('a'), undefined);
  t.is(fields.optionalInteger('a', 0), undefined);
  t.is(fields.optionalBoolean('a'), undefined);
  t.is(fields.optionalObject('a'), undefined);
  t.is(fields.optionalArray('a', 0), undefined);
  t.is(fields.optionalStrings('a', 0), undefined);
  t.is(fields.optionalStringMap('a'), undefined);
  t.is(fields.optionalKeySet('a'), undefined);
  t.is(fields.optionalTimestamp('a'), undefined);
});

test('JsonFields.noOtherCase() accepts known keys and unrelated ones', (t) => {
  t.notThrows(() => fieldsOf({ layers: [], extra: 1, LAYER: 2 }).noOtherCase(['layers', 'config']));
});

test('JsonFields reads a value that is absent from a property of the same name of Object.prototype', (t) => {
  t.is(fieldsOf({}).optionalString('constructor'), undefined);
  t.false(fieldsOf({}).has('__proto__'));
});
