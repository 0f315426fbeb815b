import test from 'ava';
import { environmentValue, mergeEnvironment } from './environment.ts';

for (const [image, overrides, defaults, expected, reason] of [
  [['A=1', 'B=2'], [], {}, ['A=1', 'B=2'], 'the image verbatim, in order'],
  [['A=1'], ['A=2'], {}, ['A=2'], 'the caller wins'],
  [['A=1'], ['A='], {}, ['A='], 'an empty value is a value'],
  [['A=1'], ['B=2'], {}, ['A=1', 'B=2'], 'the caller adds'],
  [['PATH=/x'], [], { PATH: '/d', HOME: '/' }, ['PATH=/x', 'HOME=/'], 'a default never replaces'],
  [['PATH='], [], { PATH: '/d' }, ['PATH='], 'a default does not replace an empty value either'],
  [[], ['PATH=/y'], { PATH: '/d' }, ['PATH=/y'], 'a default does not replace what the caller says'],
  [['A=1', 'B=2', 'A=3'], [], {}, ['A=3', 'B=2'], 'a name stands once, with its last value'],
  [['A=b=c'], [], {}, ['A=b=c'], 'only the first = divides'],
  [['WORD', '=x', ''], [], {}, [], 'entries that name nothing are left out'],
  [
    ['a b=c', 'ü=ß', 'N=1\n2'],
    [],
    {},
    ['a b=c', 'ü=ß', 'N=1\n2'],
    'any character but = and NUL may stand in a name',
  ],
  [
    ['__proto__=1', 'constructor=2'],
    [],
    {},
    ['__proto__=1', 'constructor=2'],
    "JavaScript's own names are names",
  ],
] as const) {
  test(`mergeEnvironment(): ${reason}`, (t) => {
    t.deepEqual(mergeEnvironment(image, overrides, defaults), expected);
  });
}

for (const [image, overrides, reason] of [
  [[], ['WORD'], 'a variable of the caller without value'],
  [[], ['=x'], 'a variable of the caller without name'],
  [[], ['A=\0'], 'a NUL would end the value for the kernel'],
  [['A=\0B=1'], [], 'a NUL in the image'],
] as const) {
  test(`mergeEnvironment() refuses ${reason}`, (t) => {
    t.throws(() => mergeEnvironment(image, overrides, {}), { code: 'ENVIRONMENT_INVALID' });
  });
}

test('environmentValue() finds by the whole name', (t) => {
  t.is(environmentValue(['PATHS=no', 'PATH=/a=b'], 'PATH'), '/a=b');
  t.is(environmentValue(['PATHS=no'], 'PATH'), undefined);
});
