import type { Evidence } from '@img/sign/evidence';
import { unixTimeOf } from '@img/sign/unix-time';
import type { Descriptor } from '@img/spec/descriptor';
import type { Digest } from '@img/spec/digest';
import { type ImageManifest, parseImageManifest } from '@img/spec/manifest';
import { ProtocolError } from '@img/spec/protocol-error';
import type { RepositoryName } from '@img/spec/repository-name';
import type { Tag } from '@img/spec/tag';
import { possibleOwners } from '../../accounts/account-names.ts';
import { type Admission, findAdmission, putAdmission } from '../../metadata/admission/admissions.ts';
import { findLongestRuleDigest } from '../../metadata/admission/rules.ts';
import type { Writer } from '../../metadata/database.ts';
import { findManifestHead } from '../../metadata/manifests.ts';
import { putManifest } from '../../metadata/put-manifest.ts';
import type { TagMove } from '../../metadata/tags.ts';
import { RegistryError } from '../../registry-error.ts';
import { attachmentSubject } from '../../transfer/attachment-tag.ts';
import { judge, neededEvidence } from '../../transfer/judge-image.ts';
import { repositorySource } from '../repository-source.ts';
import type { Services } from '../services.ts';
import { storeBlob } from '../uploads/store-blob.ts';
import { type AdmissionPolicy, decidesAbout, findAdmissionPolicy } from './admission-policy.ts';
import { refusedByRule } from './refusal.ts';
import { summarize } from './summarize.ts';

/** What somebody wants tags to mean. */
export type TagsToAdmit = {
  readonly repository: RepositoryName;
  /** Of the manifest, which need not be stored yet. */
  readonly descriptor: Descriptor;
  readonly tags: readonly Tag[];
};

/** One tag that a rule admits, and the state of affairs that this rests on. */
type AdmittedTag = {
  readonly before: Admission | undefined;
  readonly admission: Admission;
  /** What attaches the summary to the image; undefined where it is attached already. */
  readonly summary: { readonly manifest: ImageManifest; readonly bytes: Uint8Array } | undefined;
};

type Admitted = { readonly rule: Digest | undefined; readonly tags: readonly AdmittedTag[] };

const attempts = 10;

/**
 * Runs the transaction that writes tags, if the rule of their repository admits what they shall mean; where there is no
 * rule, everything is admitted. Tags that attach signatures to an image are: without them no rule could be met.
 *
 * What is signed is read before the transaction, which then makes sure that neither the rule nor what was admitted
 * before has changed meanwhile. So of several processes none admits a tag by an older rule, or back to an older number.
 *
 * @throws ProtocolError DENIED, naming the unmet rule; TOOMANYREQUESTS while others go on changing the same; what the
 *   work throws
 */
export async function admitTags<T>(
  services: Services,
  image: TagsToAdmit,
  move: TagMove,
  work: (writer: Writer) => Promise<T>,
): Promise<T> {
  const { repository, descriptor } = image;
  const tags = image.tags.filter((tag) => attachmentSubject(tag) === undefined);
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    const admitted = await judgeTags(services, { repository, descriptor, tags });
    const done = await services.database.transaction(async (writer) => {
      if (tags.length > 0 && !(await isUpToDate(writer, repository, admitted))) return undefined;
      const result = await work(writer);
      await note(writer, repository, admitted, move);
      return { result };
    });
    if (done !== undefined) return done.result;
  }
  throw new ProtocolError('TOOMANYREQUESTS', `others are changing the tags of ${repository}, or their rule`, {
    headers: { 'Retry-After': '1' },
  });
}

async function judgeTags(services: Services, image: TagsToAdmit): Promise<Admitted> {
  const { repository, descriptor, tags } = image;
  const { digest } = descriptor;
  const rule = tags.length === 0 ? undefined : await findAdmissionPolicy(services.database, repository);
  if (rule === undefined) return { rule: undefined, tags: [] };
  const { policy } = rule;
  if (!decidesAbout(policy, repository, digest)) return { rule: rule.digest, tags: [] };
  const question = { repository, digest, policy };
  const evidence = await readEvidence(services, question);
  const admitted: AdmittedTag[] = [];
  for (const tag of tags) {
    const before = await findAdmission(services.database, repository, tag);
    const remembered =
      before === undefined || before.sequence === null
        ? undefined
        : { sequence: before.sequence, digest: before.digest };
    const now = unixTimeOf(new Date(services.clock()));
    const judgement = judge({ ...question, tag, remembered, now }, evidence);
    admitted.push(await admit(services, { rule, tag, descriptor, before }, judgement));
  }
  return { rule: rule.digest, tags: admitted };
}

/** @throws ProtocolError DENIED for what somebody attached that is not what it says: nobody else is to blame for that */
async function readEvidence(
  services: Services,
  question: Parameters<typeof neededEvidence>[1],
): Promise<Evidence> {
  try {
    return await neededEvidence(repositorySource(services, question.repository), question);
  } catch (cause) {
    if (!(cause instanceof RegistryError)) throw cause;
    const message = `what is attached to ${question.digest} can't be read, so no rule can be met: ${cause.message}`;
    throw new ProtocolError('DENIED', message, { cause });
  }
}

type Applicant = {
  readonly rule: AdmissionPolicy;
  readonly tag: Tag;
  readonly descriptor: Descriptor;
  readonly before: Admission | undefined;
};

async function admit(
  services: Services,
  { rule, tag, descriptor, before }: Applicant,
  { request, decision }: ReturnType<typeof judge>,
): Promise<AdmittedTag> {
  if (!decision.trusted) throw refusedByRule(rule, decision);
  const { repository } = request;
  const { digest } = descriptor;
  const sequence = decision.sequence ?? null;
  const isSame = before?.digest === digest && before.rule === rule.digest && before.sequence === sequence;
  const stored = isSame
    ? await findManifestHead(services.database, repository, { digest: before.summary })
    : undefined;
  if (before !== undefined && stored !== undefined) return { before, admission: before, summary: undefined };
  const { manifest, blobs } = await summarize(services, rule, descriptor, { request, decision });
  for (const blob of blobs) await storeBlob(services, repository, blob);
  const admission = {
    tag,
    digest,
    sequence,
    rule: rule.digest,
    summary: manifest.descriptor.digest,
    admitted_at: services.clock(),
  };
  return {
    before,
    admission,
    summary: { manifest: parseImageManifest(manifest.bytes), bytes: manifest.bytes },
  };
}

async function isUpToDate(
  writer: Writer,
  repository: RepositoryName,
  { rule, tags }: Admitted,
): Promise<boolean> {
  if ((await findLongestRuleDigest(writer, possibleOwners(repository))) !== rule) return false;
  for (const { before, admission } of tags) {
    const now = await findAdmission(writer, repository, admission.tag);
    if (now?.digest !== before?.digest || now?.sequence !== before?.sequence) return false;
  }
  return true;
}

async function note(
  writer: Writer,
  repository: RepositoryName,
  { tags }: Admitted,
  move: TagMove,
): Promise<void> {
  for (const { admission, summary } of tags) {
    if (summary === undefined) continue;
    const put = { repository, digest: admission.summary, ...summary, tags: [] };
    await putManifest(writer, put, move);
    await putAdmission(writer, repository, admission);
  }
}
