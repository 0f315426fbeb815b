import { temporaryFolder } from '@img/sign/testing/temporary-folder';
import { testClaim, testDigest } from '@img/sign/testing/test-claim';
import { signedEvidence } from '@img/sign/testing/test-evidence';
import { testKey } from '@img/sign/testing/test-keys';
import { testPolicy, testRule } from '@img/sign/testing/test-policy';
import { parseUnixTime } from '@img/sign/unix-time';
import { parseRepositoryName } from '@img/spec/repository-name';
import { parseTag } from '@img/spec/tag';
import test, { type ExecutionContext } from 'ava';
import { accept, decide } from './decide.ts';
import { SequenceMemory } from './sequence-memory.ts';

const policy = testPolicy(testRule('com.example.', 1, ['alice']));
const now = parseUnixTime('2026-11-25T00:00:00Z');
const app = {
  repository: parseRepositoryName('com.example.app'),
  tag: parseTag('1.0'),
  digest: testDigest('a'),
};
const older = { ...app, digest: testDigest('b') };

const trustOf = (t: ExecutionContext) => ({ policy, memory: new SequenceMemory(temporaryFolder(t)) });
const signed = (sequence: number, digit = 'a') =>
  signedEvidence(testKey(1), { ...testClaim, sequence }, digit);

test('decide() trusts what the policy trusts, and remembers nothing', async (t) => {
  const trust = trustOf(t);
  const decision = await decide(app, await signed(5), trust, now);
  t.like(decision, { trusted: true, sequence: 5 });
  t.is(await trust.memory.recall(app), undefined);
});

test('after accept() an older image of the tag is refused, a newer one is not', async (t) => {
  const trust = trustOf(t);
  await accept(app, await decide(app, await signed(5), trust, now), trust);
  t.like(await decide(app, await signed(5), trust, now), { trusted: true }, 'the same again');
  t.like(await decide(older, await signed(4, 'b'), trust, now), { trusted: false, code: 'ROLLBACK' });
  t.like(await decide(older, await signed(5, 'b'), trust, now), { trusted: false, code: 'SEQUENCE_REUSED' });
  t.like(await decide(older, await signed(6, 'b'), trust, now), { trusted: true });
});

test('an older image can still be run by its digest', async (t) => {
  const trust = trustOf(t);
  await accept(app, await decide(app, await signed(5), trust, now), trust);
  const byDigest = { ...older, tag: undefined };
  const decision = await decide(byDigest, await signed(4, 'b'), trust, now);
  t.like(decision, { trusted: true, sequence: undefined });
  await accept(byDigest, decision, trust);
  t.is((await trust.memory.recall(app))?.sequence, 5);
});

test('accept() remembers nothing of what was refused', async (t) => {
  const trust = trustOf(t);
  const decision = await decide(app, await signedEvidence(testKey(2)), trust, now);
  t.like(decision, { trusted: false, code: 'UNTRUSTED_KEY' });
  await accept(app, decision, trust);
  t.is(await trust.memory.recall(app), undefined);
});
