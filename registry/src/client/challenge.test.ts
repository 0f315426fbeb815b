import test from 'ava';
import fc from 'fast-check';
import { parseChallenges } from './challenge.ts';

const plain = (header: string) => {
  return parseChallenges(header).map(({ scheme, parameters }) => [scheme, Object.fromEntries(parameters)]);
};

for (const [why, header, expected] of [
  [
    'what registries send',
    'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull,push"',
    [
      [
        'bearer',
        {
          realm: 'https://auth.docker.io/token',
          service: 'registry.docker.io',
          scope: 'repository:a/b:pull,push',
        },
      ],
    ],
  ],
  ['a scheme without parameters', 'Negotiate', [['negotiate', {}]]],
  ['values without quotes', 'Basic realm=here', [['basic', { realm: 'here' }]]],
  [
    'upper case and spaces',
    'BASIC  Realm = "a b" , charset="UTF-8"',
    [['basic', { realm: 'a b', charset: 'UTF-8' }]],
  ],
  ['escaped quotes', 'Basic realm="say \\"hi\\" \\\\"', [['basic', { realm: 'say "hi" \\' }]]],
  [
    'several challenges in one header',
    'Basic realm="x", Bearer realm="https://t", Negotiate',
    [
      ['basic', { realm: 'x' }],
      ['bearer', { realm: 'https://t' }],
      ['negotiate', {}],
    ],
  ],
  ['the first of two equal parameters', 'Bearer realm="a",realm="b"', [['bearer', { realm: 'a' }]]],
  ['commas inside of quotes', 'Bearer scope="a,b, c=d",x=y', [['bearer', { scope: 'a,b, c=d', x: 'y' }]]],
  ['nothing', '', []],
  ['only separators', ' , ,', []],
  ['a quote that never ends, up to it', 'Bearer a=b, realm="never', [['bearer', { a: 'b' }]]],
] as const) {
  test(`parseChallenges() reads ${why}`, (t) => {
    t.deepEqual(plain(header), expected as unknown as ReturnType<typeof plain>);
  });
}

test('parseChallenges() never throws, whatever a server sends', (t) => {
  fc.assert(fc.property(fc.string({ maxLength: 300 }), (header) => Array.isArray(parseChallenges(header))));
  t.pass();
});

test('parseChallenges() ends early on a header that is long and hostile', (t) => {
  t.true(parseChallenges('a '.repeat(5_000_000)).length < 10_000);
  t.is(parseChallenges(`Bearer realm="${'\\'.repeat(1_000_000)}`).length, 1);
});
