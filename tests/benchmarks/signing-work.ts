import { storeSigned } from '@img/cli/sign/sign-tags';
import { RegistryClient } from '@img/registry/client/registry-client';
import type { ContentSource, ContentTarget } from '@img/registry/transfer/content';
import { judgeImage } from '@img/registry/transfer/judge-image';
import { signImages } from '@img/sign/sign-image';
import { signatureTag } from '@img/sign/signature-manifest';
import { testClaim, untaggedClaim } from '@img/sign/testing/test-claim';
import { joined, signedEvidence } from '@img/sign/testing/test-evidence';
import { testKey } from '@img/sign/testing/test-keys';
import { testPolicy, testRule } from '@img/sign/testing/test-policy';
import { request } from '@img/sign/testing/test-request';
import { unixTimeOf } from '@img/sign/unix-time';
import { verifyImage } from '@img/sign/verify-image';
import type { Digest } from '@img/spec/digest';
import { parseRegistryHost } from '@img/spec/registry-host';
import type { Workshop } from './workshop.ts';

/** Milliseconds of each round of one piece of work. */
export type Work = { readonly title: string; readonly times: readonly number[] };

/**
 * The same work as the commands do, in a process that runs already, as registries and other services do it: no
 * program is started, and the key is open.
 */
export async function measureWork(
  workshop: Workshop,
  digest: Digest,
  rounds: number,
): Promise<readonly Work[]> {
  await using client = new RegistryClient(parseRegistryHost(workshop.repository.split('/')[0] ?? ''), {
    credentials: async () => workshop.credentials,
  });
  const place = client.repository(testClaim.repository, 'push');
  const policy = testPolicy(testRule('com.example.', 1, ['alice']));
  const question = { repository: testClaim.repository, tag: undefined, digest, policy };
  const sign = async () => await signAs(1, place, digest);
  const verify = async () => {
    const { decision } = await judgeImage(place, { ...question, now: unixTimeOf(new Date()) });
    if (!decision.trusted) throw new Error(decision.message);
  };
  return [
    { title: 'sign by digest in the registry', times: await timed(rounds, sign) },
    { title: 'verify by digest from the registry', times: await timed(rounds, verify) },
    { title: 'decide about 5 signatures', times: await timed(rounds, await decideAboutFive()) },
  ];
}

async function signAs(n: number, place: ContentSource & ContentTarget, digest: Digest): Promise<void> {
  const content = await place.getManifest(digest);
  if (content === undefined) throw new Error(`${digest} is not in the registry`);
  const existing = await place.getManifest(signatureTag(digest));
  const image = { descriptor: content.descriptor, existingSignatures: existing?.bytes };
  const claim = { ...untaggedClaim, issued: unixTimeOf(new Date()), expires: undefined };
  await storeSigned(await signImages(testKey(n), claim, [image]), place, {});
}

/** By five people, in both encodings: ten signatures to verify. */
async function decideAboutFive(): Promise<() => Promise<void>> {
  const evidence = joined(...(await Promise.all([1, 2, 3, 4, 9].map((n) => signedEvidence(testKey(n))))));
  const policy = testPolicy(testRule('com.example.', 4, ['alice', 'bob', 'carol', 'dave']));
  return async () => {
    if (!verifyImage(request({ evidence, policy })).trusted) throw new Error('it should be trusted');
  };
}

async function timed(rounds: number, work: () => Promise<void>): Promise<readonly number[]> {
  // The first rounds compile it.
  for (let round = 0; round < 3; round += 1) await work();
  const times: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const startedAt = performance.now();
    await work();
    times.push(performance.now() - startedAt);
  }
  return times;
}
