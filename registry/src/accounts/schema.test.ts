import type { JsonValue } from '@img/spec/json';
import test from 'ava';
import { checkSchema, type Schema } from './schema.ts';

const schema = {
  type: 'object',
  properties: {
    name: { type: 'string', minLength: 2, maxLength: 4 },
    role: { type: 'string', enum: ['read', 'write'] },
    days: { type: 'integer', minimum: 1, maximum: 9 },
    isOn: { type: 'boolean' },
    parts: {
      type: 'array',
      items: { type: 'object', properties: { n: { type: 'integer' } }, required: ['n'] },
    },
  },
  required: ['name'],
} as const satisfies Schema;

const whole = { name: 'abc', role: 'read', days: 1, isOn: false, parts: [{ n: -1 }] };

test('checkSchema() gives back what fits', (t) => {
  for (const isOpen of [true, false]) {
    t.deepEqual(checkSchema(schema, whole, 'it', { isOpen }), whole as unknown as typeof value);
    t.deepEqual<unknown, unknown>(checkSchema(schema, { name: 'ab' }, 'it', { isOpen }), { name: 'ab' });
  }
  const value = checkSchema(schema, { ...whole, more: [1] }, 'it', { isOpen: true });
  t.deepEqual<unknown, unknown>(value, whole, 'what a newer server says is left out');
});

const refused: readonly [value: JsonValue, message: RegExp, reason: string][] = [
  [null, /^it should be an object, not null$/, 'nothing'],
  [[], /^it should be an object, not a list$/, 'a list'],
  ['x', /^it should be an object, not "x"$/, 'a text'],
  [{}, /^it has no name$/, 'what is required is missing'],
  [{ name: 'abc', more: 1 }, /^it has "more"; it may have name, role, days, isOn, parts$/, 'what is unknown'],
  [{ name: 'abc', constructor: 1 }, /^it has "constructor"/, 'a name that objects have'],
  [{ name: 1 }, /^it\.name should be a text, not number$/, 'a number for a text'],
  [{ name: 'a' }, /^it\.name should have 2 to 4 characters, not 1$/, 'too short, and not shown'],
  [{ name: 'abcde' }, /^it\.name should have 2 to 4 characters, not 5$/, 'too long'],
  [{ name: 'abc', role: 'admin' }, /^it\.role should be read or write, not "admin"$/, 'none of the words'],
  [{ name: 'abc', days: 0 }, /^it\.days should be a whole number from 1 to 9, not number$/, 'too small'],
  [{ name: 'abc', days: 1.5 }, /^it\.days/, 'no whole number'],
  [{ name: 'abc', days: '1' }, /^it\.days .* not "1"$/, 'a text for a number'],
  [{ name: 'abc', isOn: 1 }, /^it\.isOn should be true or false, not number$/, 'a number for a truth'],
  [{ name: 'abc', parts: {} }, /^it\.parts should be a list, not object$/, 'an object for a list'],
  [{ name: 'abc', parts: [{ n: 1 }, {}] }, /^it\.parts\[1\] has no n$/, 'deep inside'],
];

test('checkSchema() says what does not fit, and where', (t) => {
  for (const [value, message, reason] of refused) {
    t.throws(
      () => checkSchema(schema, value, 'it', { isOpen: false }),
      { instanceOf: TypeError, message },
      reason,
    );
  }
});
