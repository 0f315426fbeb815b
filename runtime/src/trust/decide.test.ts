import { signedSource } from '@img/registry/testing/signed-source';
import type { ContentSource } from '@img/registry/transfer/content';
import { temporaryFolder } from '@img/sign/testing/temporary-folder';
import { testClaim, testDigest } from '@img/sign/testing/test-claim';
import { testKey } from '@img/sign/testing/test-keys';
import { testPolicy, testRule } from '@img/sign/testing/test-policy';
import { parseUnixTime } from '@img/sign/unix-time';
import { parseRepositoryName } from '@img/spec/repository-name';
import { parseTag } from '@img/spec/tag';
import test, { type ExecutionContext } from 'ava';
import { type AskedImage, accept, decide, type Trust } from './decide.ts';
import { SequenceMemory } from './sequence-memory.ts';

const policy = testPolicy(testRule('com.example.', 1, ['alice']));
const options = { now: parseUnixTime('2026-11-25T00:00:00Z') };
const app = {
  repository: parseRepositoryName('com.example.app'),
  tag: parseTag('1.0'),
  digest: testDigest('a'),
};
const older = { ...app, digest: testDigest('b') };

const trustOf = (t: ExecutionContext) => ({ policy, memory: new SequenceMemory(temporaryFolder(t)) });
const signed = (sequence: number, digit = 'a') => signedSource(testKey(1), { ...testClaim, sequence }, digit);

const decisionOf = async (image: AskedImage, source: ContentSource, trust: Trust) => {
  return (await decide(image, source, trust, options)).decision;
};

test('decide() trusts what the policy trusts, and remembers nothing', async (t) => {
  const trust = trustOf(t);
  const decision = await decisionOf(app, await signed(5), trust);
  t.like(decision, { trusted: true, sequence: 5 });
  t.is(await trust.memory.recall(app), undefined);
});

test('after accept() an older image of the tag is refused, a newer one is not', async (t) => {
  const trust = trustOf(t);
  await accept(app, await decisionOf(app, await signed(5), trust), trust);
  t.like(await decisionOf(app, await signed(5), trust), { trusted: true }, 'the same again');
  t.like(await decisionOf(older, await signed(4, 'b'), trust), { trusted: false, code: 'ROLLBACK' });
  t.like(await decisionOf(older, await signed(5, 'b'), trust), { trusted: false, code: 'SEQUENCE_REUSED' });
  t.like(await decisionOf(older, await signed(6, 'b'), trust), { trusted: true });
});

test('an older image can still be run by its digest', async (t) => {
  const trust = trustOf(t);
  await accept(app, await decisionOf(app, await signed(5), trust), trust);
  const byDigest = { ...older, tag: undefined };
  const decision = await decisionOf(byDigest, await signed(4, 'b'), trust);
  t.like(decision, { trusted: true, sequence: undefined });
  await accept(byDigest, decision, trust);
  t.is((await trust.memory.recall(app))?.sequence, 5);
});

test('accept() remembers nothing of what was refused', async (t) => {
  const trust = trustOf(t);
  const decision = await decisionOf(app, await signedSource(testKey(2)), trust);
  t.like(decision, { trusted: false, code: 'UNTRUSTED_KEY' });
  await accept(app, decision, trust);
  t.is(await trust.memory.recall(app), undefined);
});
