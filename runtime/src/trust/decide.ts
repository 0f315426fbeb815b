import type { ContentOptions, ContentSource } from '@img/registry/transfer/content';
import { type Judgement, judgeImage } from '@img/registry/transfer/judge-image';
import type { Decision } from '@img/sign/decision';
import type { RequiredAttestation } from '@img/sign/required-attestation';
import type { TrustPolicy } from '@img/sign/trust-policy';
import type { UnixTime } from '@img/sign/unix-time';
import type { Digest } from '@img/spec/digest';
import type { RepositoryName } from '@img/spec/repository-name';
import type { Tag } from '@img/spec/tag';
import type { SequenceMemory } from './sequence-memory.ts';

/** What this host trusts, and what it has seen. */
export type Trust = { readonly policy: TrustPolicy; readonly memory: SequenceMemory };

/** An image as somebody asks for it. */
export type AskedImage = {
  readonly repository: RepositoryName;
  /** Undefined if asked by digest: then no statement about a tag is needed. */
  readonly tag: Tag | undefined;
  readonly digest: Digest;
};

export type DecideOptions = ContentOptions & {
  readonly now: UnixTime;
  /** What must be attested beside what the policy asks for. */
  readonly required?: readonly RequiredAttestation[];
};

/**
 * Decides whether an image may run on this host: `judgeImage` with what the host trusts and remembers of the tag.
 * Remembers nothing by itself; whoever goes on calls {@link accept}.
 *
 * @param source where what is attached to the image is read
 * @throws RuntimeError TRUST_MEMORY_INVALID; what the source throws
 */
export async function decide(
  image: AskedImage,
  source: ContentSource,
  { policy, memory }: Trust,
  { now, required = [], ...options }: DecideOptions,
): Promise<Judgement> {
  const { repository, tag } = image;
  const remembered = tag === undefined ? undefined : await memory.recall({ repository, tag });
  return await judgeImage(source, { ...image, policy, remembered, now, required }, options);
}

/**
 * Remembers a trusted decision, so that no older statement about the tag is accepted from now on.
 *
 * @throws RuntimeError NOT_TRUSTED, TRUST_MEMORY_INVALID
 */
export async function accept(
  { repository, tag, digest }: AskedImage,
  decision: Decision,
  { memory }: Trust,
): Promise<void> {
  if (!decision.trusted || decision.sequence === undefined || tag === undefined) return;
  await memory.remember({ repository, tag }, { sequence: decision.sequence, digest });
}
