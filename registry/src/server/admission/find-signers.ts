import type { Decision } from '@img/sign/decision';
import type { TrustPolicy } from '@img/sign/trust-policy';
import { unixTimeOf } from '@img/sign/unix-time';
import type { Digest } from '@img/spec/digest';
import type { RepositoryName } from '@img/spec/repository-name';
import type { Tag } from '@img/spec/tag';
import { type Admission, findAdmission } from '../../metadata/admission/admissions.ts';
import { collectEvidence } from '../../transfer/collect-evidence.ts';
import { judgeImage } from '../../transfer/judge-image.ts';
import { repositorySource } from '../repository-source.ts';
import type { Services } from '../services.ts';
import { decidesAbout, findAdmissionPolicy } from './admission-policy.ts';

export type SignedImage = {
  readonly repository: RepositoryName;
  /** Undefined if asked by digest. */
  readonly tag: Tag | undefined;
  readonly digest: Digest;
};

/** Who signed an image, as the registry sees it. */
export type Signers = {
  /** By whose policy: that of a rule, named by where it stands, or the registry's keyring. Undefined without either. */
  readonly decidedBy: { readonly rule: RepositoryName } | 'keyring' | undefined;
  readonly decision: Decision | undefined;
  readonly hasSignatures: boolean;
  /** How the tag was admitted that means the image. */
  readonly admission: Admission | undefined;
};

/**
 * Who signed an image, by the rule of its repository, or by the registry's keyring where there is none. Hosts decide for
 * themselves, with what they trust: this is for people to look at.
 *
 * @throws CodedError where what is stored as signatures is damaged
 */
export async function findSigners(services: Services, image: SignedImage): Promise<Signers> {
  const { database, clock } = services;
  const source = repositorySource(services, image.repository);
  const found = await findPolicy(services, image);
  const admission =
    image.tag === undefined ? undefined : await findAdmission(database, image.repository, image.tag);
  const admitted = { admission: admission?.digest === image.digest ? admission : undefined };
  if (found === undefined) {
    const { bundles, simpleSignatures } = await collectEvidence(source, image.digest);
    const hasSignatures = bundles.length + simpleSignatures.length > 0;
    return { ...admitted, decidedBy: undefined, decision: undefined, hasSignatures };
  }
  const { decidedBy, policy } = found;
  const now = unixTimeOf(new Date(clock()));
  const { decision } = await judgeImage(source, { ...image, policy, now });
  return { ...admitted, decidedBy, decision, hasSignatures: decision.findings.length > 0 };
}

async function findPolicy(
  { database, trust }: Services,
  { repository, digest }: SignedImage,
): Promise<{ readonly decidedBy: Signers['decidedBy']; readonly policy: TrustPolicy } | undefined> {
  const rule = await findAdmissionPolicy(database, repository);
  if (rule !== undefined && decidesAbout(rule.policy, repository, digest)) {
    return { decidedBy: { rule: rule.name }, policy: rule.policy };
  }
  return trust === undefined ? undefined : { decidedBy: 'keyring', policy: trust };
}
