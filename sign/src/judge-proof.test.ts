import { parseImageManifest } from '@img/spec/manifest';
import { parseTag, type Tag } from '@img/spec/tag';
import test from 'ava';
import { bundleManifest, proofAnnotation, withProof } from './bundle.ts';
import { contentOf } from './content.ts';
import type { Evidence } from './evidence.ts';
import { signaturePredicateType } from './in-toto.ts';
import type { KnownLog } from './log/known-log.ts';
import { refreshableSequence } from './refreshable.ts';
import { testClaim, testDigest, testImage } from './testing/test-claim.ts';
import { joined, signedEvidence } from './testing/test-evidence.ts';
import { testKey } from './testing/test-keys.ts';
import { TestLog, testWitness } from './testing/test-log.ts';
import { testDocument, testRule } from './testing/test-policy.ts';
import { outcome, request } from './testing/test-request.ts';
import { mergeTrustDocuments, type TrustPolicy } from './trust-policy.ts';
import type { TrustRule } from './trust-rule.ts';
import type { VerifyRequest } from './verify-image.ts';
import { verifyImage } from './verify-image.ts';

const alice = testKey(1);
const witness = testWitness('w1.example', 91);

type Options = {
  readonly rule?: Partial<TrustRule>;
  readonly log?: Partial<KnownLog>;
  /** From this entry on, Alice's key no longer counts. */
  readonly from?: number;
};

function policyFor(log: TestLog, { rule, log: changes, from }: Options = {}): TrustPolicy {
  const known: KnownLog = { key: log.key, witnesses: [], requireWitnesses: 0, ...changes };
  const retired = { key: alice.publicKey.fingerprint, log: log.key.name, from: from ?? 0 };
  const document = {
    ...testDocument({ ...testRule('com.example.', 1, ['alice', 'bob']), log: log.key.name, ...rule }),
    logs: [known],
    ...(from !== undefined && { retired: [retired] }),
  };
  return mergeTrustDocuments([{ source: 'test', document }]);
}

/** Evidence by a signer, whose bundle is in the log. */
async function logged(log: TestLog, signer = alice, claim = {}): Promise<Evidence> {
  const evidence = await signedEvidence(signer, claim);
  const index = log.append(evidence.bundles[0] as Uint8Array);
  return { ...evidence, proofs: [await log.prove(index, [witness])] };
}

const decide = (change: Partial<VerifyRequest>) => verifyImage(request(change));

test('verifyImage() trusts what is in the log that its rule requires', async (t) => {
  const log = new TestLog();
  const evidence = await logged(log);
  const decision = decide({ evidence, policy: policyFor(log) });
  t.true(decision.trusted, decision.message);
  t.deepEqual(
    decision.findings.map(({ encoding, code }) => [encoding, code]),
    [
      ['bundle', 'COUNTED'],
      ['simple-signing', 'NOT_LOGGED'],
    ],
    'the other encoding of the same statement brings no proof',
  );
  t.regex(
    decision.findings[0]?.message ?? '',
    /^Alice signed it, which is entry 0 of log\.example\/com\.example$/,
  );
});

test('verifyImage() refuses what the log of its rule does not have', async (t) => {
  const log = new TestLog();
  const policy = policyFor(log);
  const evidence = await logged(log);
  const other = await logged(new TestLog('log.example/org.example'));
  const [proof = ''] = evidence.proofs ?? [];
  const later = await signedEvidence(alice, { sequence: 42 });
  const cases: readonly (readonly [evidence: Evidence, code: string, reason: string])[] = [
    [await signedEvidence(alice), 'NOT_LOGGED', 'a signature without proof'],
    [{ ...evidence, bundles: [], proofs: [proof] }, 'NOT_LOGGED', 'only the encoding that brings none'],
    [other, 'PROOF_INVALID', 'the proof of another log'],
    [{ ...later, proofs: [proof] }, 'PROOF_INVALID', 'the proof of another statement'],
    [{ ...evidence, proofs: [proof.replace('index 0', 'index 1')] }, 'PROOF_INVALID', 'a changed proof'],
    [{ ...evidence, proofs: ['nonsense'] }, 'PROOF_INVALID', 'no proof at all'],
    [{ ...evidence, proofs: [undefined] }, 'NOT_LOGGED', 'a proof that was taken off'],
  ];
  for (const [found, code, reason] of cases) t.is(outcome(decide({ evidence: found, policy })), code, reason);
  const asked = decide({ evidence: await signedEvidence(alice), policy });
  t.regex(
    asked.message,
    /Alice signed it, but it has no proof that it is in the log log\.example\/com\.example/,
  );
});

test('verifyImage() says that a proof is missing where another tag of the image is signed, too', async (t) => {
  const log = new TestLog();
  const latest = { tag: parseTag('latest') };
  const unproven = await signedEvidence(alice);
  const others = [await signedEvidence(alice, latest), await logged(log, alice, latest)];
  for (const other of others) {
    for (const evidence of [joined(other, unproven), joined(unproven, other)]) {
      t.is(outcome(decide({ evidence, policy: policyFor(log) })), 'NOT_LOGGED');
    }
    t.is(outcome(decide({ evidence: other, policy: policyFor(log) })), 'OTHER_TAG', 'only the other tag');
  }
});

test('verifyImage() refuses a log that too few witnesses have seen', async (t) => {
  const log = new TestLog();
  const evidence = await logged(log);
  const stranger = testWitness('w2.example', 92);
  const outcomeOf = (witnesses: KnownLog['witnesses'], requireWitnesses: number) =>
    outcome(decide({ evidence, policy: policyFor(log, { log: { witnesses, requireWitnesses } }) }));
  t.is(outcomeOf([witness.key], 1), 'trusted');
  t.is(outcomeOf([stranger.key], 1), 'UNWITNESSED');
  t.is(outcomeOf([witness.key, stranger.key], 2), 'UNWITNESSED');
});

test('verifyImage() counts a retired key for what the log had before, and for nothing else', async (t) => {
  const log = new TestLog();
  const before = await logged(log);
  const after = await logged(log, alice, { sequence: 42 });
  const unlogged = await signedEvidence(alice);
  // Also where the rule itself requires no log.
  for (const rule of [{}, { log: undefined as never }]) {
    const policy = policyFor(log, { from: 1, rule });
    t.is(outcome(decide({ evidence: before, policy })), 'trusted');
    t.is(outcome(decide({ evidence: after, policy })), 'KEY_REVOKED', 'logged too late');
    t.is(outcome(decide({ evidence: unlogged, policy })), 'KEY_REVOKED', 'not logged, so from whenever');
    t.is(outcome(decide({ evidence: joined(after, before), policy })), 'trusted', 'both');
  }
  t.is(
    outcome(decide({ evidence: before, policy: policyFor(log, { from: 0 }) })),
    'KEY_REVOKED',
    'all of it',
  );
  const { message } = decide({ evidence: after, policy: policyFor(log, { from: 1 }) });
  t.regex(
    message,
    /signed it as entry 1, and the key counts only for what log\.example\/com\.example had before entry 1 \(test\)/,
  );
});

test('verifyImage() demands the log also of tag movers and refreshers', async (t) => {
  const log = new TestLog();
  const movers = policyFor(log, { rule: { movers: testRule('x', 1, ['carol']).of } });
  const signed = await logged(log, alice, { tag: undefined, sequence: undefined });
  t.is(
    outcome(decide({ evidence: joined(signed, await signedEvidence(testKey(3))), policy: movers })),
    'NO_TAG_MOVER',
  );
  t.is(
    outcome(decide({ evidence: joined(signed, await logged(log, testKey(3))), policy: movers })),
    'trusted',
  );
  const refreshers = policyFor(log, { rule: { refreshers: testRule('x', 1, ['carol']).of } });
  const ended = await logged(log, alice, { expires: (testClaim.issued + 60) as never });
  t.is(
    outcome(decide({ evidence: joined(ended, await signedEvidence(testKey(3))), policy: refreshers })),
    'EXPIRED',
  );
  t.is(
    outcome(decide({ evidence: joined(ended, await logged(log, testKey(3))), policy: refreshers })),
    'trusted',
  );
});

test('verifyImage() lets nobody extend what had to be in a log and is not, or what a retired key signed later', async (t) => {
  const log = new TestLog();
  const expires = (testClaim.issued + 60) as never;
  const [early, late] = [await logged(log, alice, { expires }), await logged(log, alice, { expires })];
  const unlogged = await signedEvidence(alice, { expires });
  const extension = await logged(log, testKey(3));
  const refreshers = testRule('x', 1, ['carol']).of;
  const { repository } = testClaim;
  const question = { repository, tag: testClaim.tag as Tag, digest: testDigest('a') };
  const cases: readonly (readonly [
    signed: Evidence,
    from: number | undefined,
    code: string,
    reason: string,
  ])[] = [
    [early, undefined, 'trusted', 'in the log'],
    [unlogged, undefined, 'NOT_LOGGED', 'not in the log'],
    [early, 1, 'trusted', 'by a key that was retired later'],
    [late, 1, 'KEY_REVOKED', 'by a key that was retired before'],
    [unlogged, 1, 'KEY_REVOKED', 'by a retired key, from whenever'],
  ];
  for (const [signed, from, code, reason] of cases) {
    const policy = policyFor(log, { rule: { refreshers }, ...(from !== undefined && { from }) });
    t.is(outcome(decide({ evidence: joined(signed, extension), policy })), code, reason);
    const isRefreshable = refreshableSequence({ ...question, evidence: signed, policy }) !== undefined;
    t.is(isRefreshable, code === 'trusted', reason);
    t.false(decide({ evidence: signed, policy }).trusted, `${reason}, and not extended`);
  }
});

test('mergeTrustDocuments() knows the logs that rules and retired keys name', (t) => {
  const log = new TestLog();
  const known: KnownLog = { key: log.key, witnesses: [], requireWitnesses: 0 };
  const rule = { ...testRule('com.example.', 1, ['alice']), log: log.key.name };
  const merge = (...documents: readonly object[]) =>
    mergeTrustDocuments(
      documents.map((part, at) => ({ source: `${at}`, document: { ...testDocument(), ...part } })),
    );
  t.is(merge({ logs: [known] }, { rules: [rule] }).logs.size, 1, 'in another document');
  t.throws(() => merge({ rules: [rule] }), { code: 'POLICY_INVALID', message: /names the unknown log/ });
  const retired = [{ key: alice.publicKey.fingerprint, log: log.key.name, from: 3 }];
  t.throws(() => merge({ retired }), { code: 'POLICY_INVALID', message: /names the unknown log/ });
  const { key } = new TestLog(log.key.name, 99);
  t.throws(() => merge({ logs: [known] }, { logs: [{ ...known, key }] }), { code: 'POLICY_CONFLICT' });
});

test('withProof() puts a proof into the manifest of a bundle, in place of an older one', (t) => {
  const bundle = contentOf('text/plain', Buffer.from('bundle'));
  const attached = { created: testClaim.issued, predicateType: signaturePredicateType };
  const manifest = parseImageManifest(bundleManifest(bundle, testImage('a'), attached).bytes);
  const first = parseImageManifest(withProof(manifest, 'first').bytes);
  t.deepEqual(first, { ...manifest, annotations: { ...manifest.annotations, [proofAnnotation]: 'first' } });
  t.is(parseImageManifest(withProof(first, 'second').bytes).annotations[proofAnnotation], 'second');
});
