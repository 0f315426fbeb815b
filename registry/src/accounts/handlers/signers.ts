import { describeRule } from '@img/sign/trust-rule';
import { CodedError } from '@img/spec/coded-error';
import { isDigest } from '@img/spec/digest';
import { findManifestHead } from '../../metadata/manifests.ts';
import { findSigners, type Signers } from '../../server/admission/find-signers.ts';
import { type ApiHandler, conflict, repositoryName, tagName, timeText, unknown } from '../api-exchange.ts';
import type { AnswerOf } from '../api-routes.ts';

export const showSigners: ApiHandler<'listSigners'> = async ({ services, parameters }) => {
  const repository = repositoryName(parameters.repository);
  const text = parameters.reference;
  const reference = isDigest(text) ? { digest: text } : { tag: tagName(text) };
  const head = await findManifestHead(services.database, repository, reference);
  if (head === undefined) throw unknown('image', `${repository}${isDigest(text) ? '@' : ':'}${text}`);
  const { digest } = head;
  const tag = 'tag' in reference ? reference.tag : undefined;
  try {
    return { digest, ...signersAnswer(await findSigners(services, { repository, tag, digest })) };
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    throw conflict(`what is stored as signatures of ${digest} is damaged: ${error.message}`);
  }
};

function signersAnswer({
  decidedBy,
  decision,
  hasSignatures,
  admission,
}: Signers): Omit<AnswerOf<'listSigners'>, 'digest'> {
  const { rule } = decision ?? {};
  const signers = decision?.signers ?? [];
  return {
    ...(typeof decidedBy === 'object'
      ? { decidedBy: 'rule', ruleAt: decidedBy.rule }
      : { decidedBy: decidedBy ?? 'nothing' }),
    isMet: decision?.trusted === true,
    hasSignatures,
    ...(rule === undefined ? {} : { required: describeRule(rule) }),
    ...(decision === undefined ? {} : { message: decision.message }),
    signers: signers.map(({ identity, key }) => ({ id: identity.id, name: identity.name, key })),
    ...(admission === undefined
      ? {}
      : { admittedAt: timeText(admission.admitted_at), summary: admission.summary }),
  };
}

export const showRegistryKey: ApiHandler<'registryKey'> = async ({ services }) => {
  const { publicKey } = services.signer;
  return { fingerprint: publicKey.fingerprint, ssh: publicKey.toSshLine(), pem: publicKey.toPem() };
};
