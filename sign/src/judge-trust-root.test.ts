import { parseDigest } from '@img/spec/digest';
import { parseNamePrefix } from '@img/spec/name-prefix';
import { parseRepositoryName } from '@img/spec/repository-name';
import test from 'ava';
import { judgeTrustRoot, type RootProblem, type RootQuestion } from './judge-trust-root.ts';
import {
  draftTrustRoot,
  encodeSignedTrustRoot,
  parseSignedTrustRoot,
  type SignedTrustRoot,
  signTrustRoot,
} from './signed-trust-root.ts';
import { testKey } from './testing/test-keys.ts';
import { testDocument, testRule } from './testing/test-policy.ts';
import { checkTrustRoot, encodeTrustRoot, isWithin, parseTrustRoot, type TrustRoot } from './trust-root.ts';
import { parseUnixTime } from './unix-time.ts';

const now = parseUnixTime('2026-12-01T00:00:00Z');
const [one, two, three, four, five] = [11, 12, 13, 14, 15].map(testKey) as [
  ReturnType<typeof testKey>,
  ReturnType<typeof testKey>,
  ReturnType<typeof testKey>,
  ReturnType<typeof testKey>,
  ReturnType<typeof testKey>,
];

const first: TrustRoot = {
  name: parseRepositoryName('com.example'),
  version: 1,
  expires: parseUnixTime('2027-01-01T00:00:00Z'),
  keys: [one, two, three].map(({ publicKey }) => publicKey),
  require: 2,
  prefixes: [parseNamePrefix('com.example.')],
  document: testDocument(testRule('com.example.', 1, ['alice'])),
};
const second: TrustRoot = { ...first, version: 2 };

async function signed(
  root: TrustRoot,
  ...signers: readonly ReturnType<typeof testKey>[]
): Promise<SignedTrustRoot> {
  let draft = draftTrustRoot(root);
  for (const signer of signers) draft = await signTrustRoot(draft, signer);
  // As it comes from a file.
  return parseSignedTrustRoot(encodeSignedTrustRoot(draft));
}

const keysOf = (...keys: readonly ReturnType<typeof testKey>[]) => keys.map(({ publicKey }) => publicKey);

const accepted: readonly [make: () => Promise<RootQuestion>, reason: string][] = [
  [
    async () => ({ offered: await signed(first, one, two), trusted: undefined, now }),
    'by 2 of 3, the first time',
  ],
  [
    async () => ({ offered: await signed(first, one, two), trusted: await signed(first, one, two), now }),
    'the same again',
  ],
  [
    async () => ({ offered: await signed(first, one, three), trusted: await signed(first, one, two), now }),
    'the same with other signatures',
  ],
  [
    async () => ({ offered: await signed(second, two, three), trusted: await signed(first, one, two), now }),
    'the next version by those who may',
  ],
  [
    async () => {
      const rotated = { ...second, keys: keysOf(three, four, five) };
      return {
        offered: await signed(rotated, one, two, four, five),
        trusted: await signed(first, one, two),
        now,
      };
    },
    'other keys, signed by the old and the new threshold',
  ],
  [
    async () => ({
      offered: await signed({ ...first, version: 9 }, one, two),
      trusted: await signed(first, one, two),
      now,
    }),
    'a version much later, by those who may',
  ],
  [
    async () => {
      const late = parseUnixTime('2027-06-01T00:00:00Z');
      const offered = await signed({ ...second, expires: parseUnixTime('2028-01-01T00:00:00Z') }, one, two);
      return { offered, trusted: await signed(first, one, two), now: late };
    },
    'the next version after the old one has expired',
  ],
  [
    async () => {
      const narrower = { ...second, prefixes: [parseNamePrefix('com.example.app')] };
      const document = testDocument(testRule('com.example.app', 1, ['alice']));
      return {
        offered: await signed({ ...narrower, document }, one, two),
        trusted: await signed(first, one, two),
        now,
      };
    },
    'one that speaks for less',
  ],
];

for (const [make, reason] of accepted) {
  test(`judgeTrustRoot() takes over: ${reason}`, async (t) => {
    const { accepted: isAccepted, message } = judgeTrustRoot(await make());
    t.true(isAccepted, message);
  });
}

// Each attack alone: what one stolen key, a malicious mirror or an old publisher could try.
const refused: readonly [problem: RootProblem, make: () => Promise<Partial<RootQuestion>>, reason: string][] =
  [
    ['ROOT_UNSIGNED', async () => ({ offered: draftTrustRoot(first) }), 'nobody signed it'],
    ['ROOT_UNSIGNED', async () => ({ offered: await signed(first, one) }), 'one stolen key'],
    [
      'ROOT_UNSIGNED',
      async () => ({ offered: await signed(first, one, four) }),
      'one of its keys and a stranger',
    ],
    [
      'ROOT_UNSIGNED',
      async () => {
        const { signatures, ...rest } = await signed(first, one);
        return { offered: { ...rest, signatures: [...signatures, ...signatures] } };
      },
      'one signature twice',
    ],
    [
      'ROOT_UNSIGNED',
      async () => {
        const { signatures, ...rest } = await signed(first, one);
        const forged = signatures.map(({ signature }) => ({ keyId: two.publicKey.fingerprint, signature }));
        return { offered: { ...rest, signatures: [...signatures, ...forged] } };
      },
      'the signature of one under the name of another',
    ],
    [
      'ROOT_UNSIGNED',
      async () => {
        const { payload } = draftTrustRoot({ ...first, require: 1 });
        return { offered: { ...(await signed(first, one, two)), payload } };
      },
      'a byte of it was changed',
    ],
    [
      'ROOT_EXPIRED',
      async () => ({ now: first.expires, offered: await signed(first, one, two) }),
      'the last second is over',
    ],
    [
      'ROOT_OLDER',
      async () => ({ offered: await signed(first, one, two), trusted: await signed(second, one, two) }),
      'a rollback',
    ],
    [
      'ROOT_VERSION_REUSED',
      async () => {
        const other = { ...first, document: testDocument(testRule('com.example.', 1, ['bob'])) };
        return { offered: await signed(other, one, two), trusted: await signed(first, one, two) };
      },
      'two documents with one version',
    ],
    [
      'ROOT_UNTRUSTED',
      async () => {
        const stolen = { ...second, keys: keysOf(one, four, five), require: 1 };
        return { offered: await signed(stolen, one, four, five), trusted: await signed(first, one, two) };
      },
      'one stolen key that makes its friends root keys',
    ],
    [
      'ROOT_UNTRUSTED',
      async () => {
        const lowered = { ...second, require: 1 };
        return { offered: await signed(lowered, one), trusted: await signed(first, one, two) };
      },
      'one stolen key that lowers the threshold',
    ],
    [
      'ROOT_UNSIGNED',
      async () => {
        const rotated = { ...second, keys: keysOf(four, five) };
        return { offered: await signed(rotated, one, two, four), trusted: await signed(first, one, two) };
      },
      'new keys that did not agree',
    ],
    [
      'ROOT_OTHER',
      async () => {
        const other = { ...second, name: parseRepositoryName('org.other') };
        return { offered: await signed(other, one, two), trusted: await signed(first, one, two) };
      },
      'another root by the same people',
    ],
    [
      'ROOT_TOO_BROAD',
      async () => {
        const broader = { ...second, prefixes: [parseNamePrefix('com.example.'), parseNamePrefix('*')] };
        return { offered: await signed(broader, one, two), trusted: await signed(first, one, two) };
      },
      'it suddenly speaks for everything',
    ],
  ];

for (const [problem, make, reason] of refused) {
  test(`judgeTrustRoot() refuses with ${problem}: ${reason}`, async (t) => {
    const question = { trusted: undefined, now, ...(await make()) } as RootQuestion;
    const decision = judgeTrustRoot(question);
    t.is(decision.problem, problem, decision.message);
    t.false(decision.accepted);
    t.truthy(decision.hint);
  });
}

test('a root is no signature of anything else, and nothing else is a root', async (t) => {
  const { payload } = draftTrustRoot(first);
  // The payload by itself, as an SSH or simple signature would cover it.
  const plain = await Promise.all(
    [one, two].map(async (key) => ({ keyId: key.publicKey.fingerprint, signature: await key.sign(payload) })),
  );
  const offered = { root: first, payload, signatures: plain };
  t.is(judgeTrustRoot({ offered, trusted: undefined, now }).problem, 'ROOT_UNSIGNED');
});

test('parseTrustRoot() reads back what encodeTrustRoot() writes', (t) => {
  const document = {
    ...testDocument(testRule('com.example.', 2, ['alice', 'bob'])),
    revoked: [testKey(9).publicKey.fingerprint],
    denied: [parseDigest(`sha256:${'0'.repeat(64)}`)],
  };
  const payload = encodeTrustRoot({ ...first, document });
  const parsed = parseTrustRoot(payload);
  t.deepEqual(encodeTrustRoot(parsed), payload);
  t.deepEqual(parsed.document.denied, document.denied);
});

const text = new TextDecoder().decode(encodeTrustRoot(first));
const line = one.publicKey.toSshLine();
const invalid: readonly [change: object, message: RegExp, reason: string][] = [
  [{ format: 2 }, /format 2/, 'a format of the future'],
  [{ more: 1 }, /more/, 'an unknown field, which could be one that restricts'],
  [{ version: 0 }, /version/, 'a version below 1'],
  [{ version: 1e12 }, /version/, 'a version that nobody could follow'],
  [{ expires: 'never' }, /time "never"/, 'no end'],
  [{ prefixes: [] }, /covers no prefix/, 'no prefix'],
  [{ prefixes: ['com.example.app'] }, /has a rule for com\.example\./, 'a rule outside of its prefixes'],
  [{ root: { require: 2, keys: [] } }, /requires 2 of 0/, 'no keys'],
  [{ root: { require: 0, keys: [line] } }, /require/, 'no threshold'],
  [{ root: { require: 2, keys: [line, line] } }, /twice/, 'one key as two'],
];

for (const [change, message, reason] of invalid) {
  test(`parseTrustRoot() refuses ${reason}`, (t) => {
    const json = { ...(JSON.parse(text) as object), ...change };
    t.throws(() => parseTrustRoot(new TextEncoder().encode(JSON.stringify(json))), { message });
  });
}

test('parseSignedTrustRoot() refuses envelopes of other things', async (t) => {
  const json = JSON.parse(Buffer.from(encodeSignedTrustRoot(await signed(first, one))).toString()) as object;
  for (const change of [
    { payloadType: 'application/vnd.in-toto+json' },
    { payload: '*' },
    { signatures: 'none' },
    { signatures: [{ keyid: 'x' }] },
    { more: 1 },
  ]) {
    const bytes = new TextEncoder().encode(JSON.stringify({ ...json, ...change }));
    t.throws(() => parseSignedTrustRoot(bytes), { code: 'ROOT_INVALID' }, JSON.stringify(change));
  }
});

test('isWithin() keeps to label boundaries', (t) => {
  const within = (prefix: string, ...others: string[]) =>
    isWithin(parseNamePrefix(prefix), others.map(parseNamePrefix));
  t.true(within('com.example.', 'com.example.'));
  t.true(within('com.example.app', 'com.example.'));
  t.true(within('com.example.app/', 'com.example.app'));
  t.true(within('*', '*'));
  t.true(within('org', '*'));
  t.false(within('com.example', 'com.example.'), 'the name itself');
  t.false(within('com.', 'com.example.'), 'more than that');
  t.false(within('com.examples', 'com.example'), 'another label');
  t.false(within('com.examples.', 'com.example'), 'another label');
  t.false(within('*', 'com.example.'), 'everything');
});

test('checkTrustRoot() refuses to be made what could not be signed', (t) => {
  t.throws(() => checkTrustRoot({ ...first, require: 4 }), { code: 'ROOT_INVALID', message: /4 of 3/ });
});
