import { parseNamePrefix } from '@img/spec/name-prefix';
import { parseRepositoryName } from '@img/spec/repository-name';
import { parseTag } from '@img/spec/tag';
import test from 'ava';
import type { RefusalCode } from './decision.ts';
import { testDigest, untaggedClaim } from './testing/test-claim.ts';
import { joined, noEvidence, signedEvidence } from './testing/test-evidence.ts';
import { testKey } from './testing/test-keys.ts';
import { testDocument, testPolicy, testRule } from './testing/test-policy.ts';
import { outcome, request, twoOf } from './testing/test-request.ts';
import type { TrustDocument } from './trust-document.ts';
import { mergeTrustDocuments, type TrustPolicy } from './trust-policy.ts';
import { parseUnixTime, type UnixTime } from './unix-time.ts';
import { type VerifyRequest, verifyImage } from './verify-image.ts';

const [alice, bob, carol, dave] = [testKey(1), testKey(2), testKey(3), testKey(4)];
const stranger = testKey(9);

/** Alice or Bob may sign, but somebody forbids something. */
function banning(banned: Pick<TrustDocument, 'revoked' | 'denied'>, require = 1): TrustPolicy {
  const document = { ...testDocument(testRule('com.example.', require, ['alice', 'bob'])), ...banned };
  return mergeTrustDocuments([{ source: 'test', document }]);
}

/** Alice may sign, says a trust root. */
function rooted(expires: UnixTime, prefix = 'com.', banned: Partial<TrustDocument> = {}): TrustPolicy {
  const document = { ...testDocument(testRule('com.example.', 1, ['alice'])), ...banned };
  const root = {
    name: parseRepositoryName('com.example'),
    version: 1,
    expires,
    keys: [stranger.publicKey],
    require: 1,
    prefixes: [parseNamePrefix(prefix)],
    document,
  };
  return mergeTrustDocuments([{ source: 'the root', document, root }]);
}

const after = parseUnixTime('2027-01-01T00:00:00Z');
const before = parseUnixTime('2026-11-01T00:00:00Z');

// Each attack or mistake alone, with the code that tells it from the others.
const refusals: readonly (readonly [
  code: RefusalCode,
  change: () => Promise<Partial<VerifyRequest>>,
  reason: string,
])[] = [
  [
    'NO_RULE',
    async () => ({ repository: parseRepositoryName('org.other') }),
    'nobody decided about this name',
  ],
  [
    'NO_RULE',
    async () => ({ evidence: await signedEvidence(alice), policy: testPolicy() }),
    'signed by somebody known, but without a rule',
  ],
  [
    'NO_RULE',
    async () => {
      const policy = testPolicy(testRule('com.example.app', 1, ['alice']));
      const repository = parseRepositoryName('com.example.apps');
      return { policy, repository, evidence: await signedEvidence(alice, { repository }) };
    },
    'the rule is for com.example.app, not com.example.apps',
  ],
  [
    'RULE_CLOSED',
    async () => {
      const policy = testPolicy(testRule('com.', 1, ['alice']), testRule('com.example.', 1, []));
      return { policy, evidence: await signedEvidence(alice) };
    },
    'the most specific rule lists nobody; the broader one does not count',
  ],
  [
    'KEY_REVOKED',
    async () => ({
      policy: banning({ revoked: [alice.publicKey.fingerprint] }),
      evidence: await signedEvidence(alice),
    }),
    'a key that left the company, also for what it signed before',
  ],
  [
    'TOO_FEW_SIGNERS',
    async () => ({
      policy: banning({ revoked: [alice.publicKey.fingerprint] }, 2),
      evidence: joined(await signedEvidence(alice), await signedEvidence(bob)),
    }),
    'one of two keys is revoked',
  ],
  [
    'DENIED',
    async () => ({ policy: banning({ denied: [testDigest('a')] }), evidence: await signedEvidence(alice) }),
    'an image that must not run, well signed',
  ],
  [
    'ROOT_EXPIRED',
    async () => ({ policy: rooted(before), evidence: await signedEvidence(alice) }),
    'somebody holds the host at an old version of the trust root',
  ],
  ['UNSIGNED', async () => ({}), 'no evidence at all'],
  ['UNTRUSTED_KEY', async () => ({ evidence: await signedEvidence(stranger) }), 'a key that nobody knows'],
  [
    'UNTRUSTED_KEY',
    async () => ({ evidence: await signedEvidence(carol) }),
    'a known key that is not in the rule',
  ],
  [
    'UNTRUSTED_KEY',
    async () => {
      const policy = testPolicy(testRule('com.', 1, ['alice']), testRule('com.example.', 1, ['bob']));
      return { policy, evidence: await signedEvidence(alice) };
    },
    'in the broader rule, which does not count',
  ],
  [
    'TOO_FEW_SIGNERS',
    async () => ({ policy: twoOf, evidence: await signedEvidence(alice) }),
    'one of two, in both encodings',
  ],
  [
    'TOO_FEW_SIGNERS',
    async () => {
      const again = await signedEvidence(alice, {
        sequence: 42,
        issued: parseUnixTime('2026-11-23T00:00:00Z'),
      });
      return { policy: twoOf, evidence: joined(await signedEvidence(alice), again) };
    },
    'one person twice',
  ],
  [
    'TOO_FEW_SIGNERS',
    async () => ({
      policy: twoOf,
      evidence: joined(await signedEvidence(alice), await signedEvidence(dave)),
    }),
    'one of two, and one who is not in the rule',
  ],
  [
    'TOO_FEW_SIGNERS',
    async () => {
      const expired = await signedEvidence(bob, { expires: parseUnixTime('2026-11-30T00:00:00Z') });
      return { policy: twoOf, evidence: joined(await signedEvidence(alice), expired) };
    },
    'the second signature has expired',
  ],
  ['OTHER_TAG', async () => ({ tag: parseTag('2.0'), evidence: await signedEvidence(alice) }), 'a moved tag'],
  [
    'NO_TAG',
    async () => ({ evidence: await signedEvidence(alice, untaggedClaim) }),
    'signed without a tag, asked by tag',
  ],
  [
    'OTHER_REPOSITORY',
    async () => ({
      repository: parseRepositoryName('com.example.other'),
      evidence: await signedEvidence(alice),
    }),
    'moved to another repository',
  ],
  [
    'OTHER_DIGEST',
    async () => ({ digest: testDigest('b'), evidence: await signedEvidence(alice) }),
    'the signature of another image',
  ],
  ['EXPIRED', async () => ({ now: after, evidence: await signedEvidence(alice) }), 'a month later'],
  ['NOT_YET_VALID', async () => ({ now: before, evidence: await signedEvidence(alice) }), 'a wrong clock'],
  [
    'ROLLBACK',
    async () => ({
      remembered: { sequence: 42, digest: testDigest('b') },
      evidence: await signedEvidence(alice),
    }),
    'yesterday’s image',
  ],
  [
    'ROLLBACK',
    async () => ({
      remembered: { sequence: 42, digest: testDigest('a') },
      evidence: await signedEvidence(alice),
    }),
    'an older statement, though about the same image',
  ],
  [
    'ROLLBACK',
    async () => {
      const evidence = joined(await signedEvidence(alice, { sequence: 1000 }), await signedEvidence(bob));
      return { policy: twoOf, remembered: { sequence: 42, digest: testDigest('b') }, evidence };
    },
    'one stolen key cannot outbid: of two, the lower number counts',
  ],
  [
    'SEQUENCE_REUSED',
    async () => ({
      remembered: { sequence: 41, digest: testDigest('b') },
      evidence: await signedEvidence(alice),
    }),
    'the same number for another image',
  ],
  [
    'SIGNATURE_MALFORMED',
    async () => ({ evidence: { ...noEvidence, bundles: [Buffer.from('garbage')] } }),
    'garbage in the place of a signature',
  ],
];

test('verifyImage() refuses each attack with its own code', async (t) => {
  for (const [code, change, reason] of refusals) {
    const decision = verifyImage(request(await change()));
    t.is(outcome(decision), code, reason);
    t.regex(
      decision.message,
      /^com\.example\.\w+:\d\.0 is not trusted: |^org\.other:1\.0 is not trusted: /,
      reason,
    );
    t.true(!decision.trusted && decision.hint.length > 10, reason);
  }
});

test('verifyImage() sees that a stored signature was changed', async (t) => {
  const { bundles, simpleSignatures } = await signedEvidence(alice);
  const text = Buffer.from(bundles[0] ?? []).toString();
  const changed = Buffer.from(
    text.replace(/"sig":"(.)/, (_, first) => `"sig":"${first === 'A' ? 'B' : 'A'}`),
  );
  const evidence = {
    bundles: [changed],
    simpleSignatures: simpleSignatures.map(({ payload, ...simple }) => ({
      ...simple,
      payload: payload.with(20, 0),
    })),
  };
  t.is(outcome(verifyImage(request({ evidence }))), 'SIGNATURE_INVALID');
});

test('verifyImage() says what is wrong in words', async (t) => {
  const message = async (change: Partial<VerifyRequest>) => verifyImage(request(change)).message;
  t.is(
    await message({ tag: parseTag('2.0'), evidence: await signedEvidence(alice) }),
    'com.example.app:2.0 is not trusted: Alice signed it as tag 1.0, not 2.0',
  );
  t.is(
    await message({ now: after, evidence: await signedEvidence(alice) }),
    "com.example.app:1.0 is not trusted: Alice's signature expired at 2026-12-22T00:00:00Z",
  );
  t.is(
    await message({
      policy: twoOf,
      evidence: joined(await signedEvidence(alice), await signedEvidence(dave)),
    }),
    'com.example.app:1.0 is not trusted: it is signed by Alice only, but must be by 2 of alice, bob, carol for com.example.*; Dave is not in the rule for com.example.*',
  );
  t.is(
    await message({
      remembered: { sequence: 42, digest: testDigest('b') },
      evidence: await signedEvidence(alice),
    }),
    `com.example.app:1.0 is not trusted: it is number 41, and number 42 (${testDigest('b')}) was accepted before`,
  );
});

test('a trust root forbids nothing outside of its prefixes', async (t) => {
  const bans = { revoked: [bob.publicKey.fingerprint], denied: [testDigest('a')] };
  const local = { source: 'local', document: testDocument(testRule('com.example.', 1, ['bob'])) };
  const document = { identities: [], rules: [], ...bans };
  const root = {
    name: parseRepositoryName('org.other'),
    version: 1,
    expires: after,
    keys: [stranger.publicKey],
    require: 1,
    prefixes: [parseNamePrefix('org.other.')],
    document,
  };
  const policy = mergeTrustDocuments([local, { source: 'other root', document, root }]);
  t.is(outcome(verifyImage(request({ policy, evidence: await signedEvidence(bob) }))), 'trusted');
  const repository = parseRepositoryName('org.other.app');
  t.is(outcome(verifyImage(request({ policy, repository }))), 'DENIED');
});

test('a trust root that has not expired decides like any document', async (t) => {
  const evidence = await signedEvidence(alice);
  t.is(outcome(verifyImage(request({ policy: rooted(after), evidence }))), 'trusted');
});

test('a denied image is refused also when it is asked for by its digest', async (t) => {
  const policy = banning({ denied: [testDigest('a')] });
  const decision = verifyImage(request({ policy, tag: undefined, evidence: await signedEvidence(alice) }));
  t.is(outcome(decision), 'DENIED');
});
