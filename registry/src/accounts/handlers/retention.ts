import { findOrganisation } from '../../metadata/accounts/organisations.ts';
import { deletePolicy, type PolicyOwner, putPolicy } from '../../metadata/retention-policies.ts';
import { type FoundPolicy, findPolicyFor, findPolicyOf } from '../../retention/find-policy.ts';
import type { RetentionPolicy } from '../../retention/retention-policy.ts';
import { runRetention } from '../../retention/run-retention.ts';
import {
  type ApiExchange,
  type ApiHandler,
  change,
  conflict,
  organisationName,
  repositoryName,
  timeText,
  unknown,
} from '../api-exchange.ts';
import type { AnswerOf, ApiRouteId } from '../api-routes.ts';
import { tagAnswer } from './tags.ts';

/** Time to look at what a policy will remove, and to take it back. */
const firstRunMs = 24 * 60 * 60 * 1000;

type Changing = Pick<ApiExchange<ApiRouteId>, 'services' | 'principal'>;

export const showRetention: ApiHandler<'findRetention'> = async ({ services, parameters }) => {
  const repository = repositoryName(parameters.repository);
  const found = await findPolicyFor(services.database, repository);
  if (found === undefined) throw unknown('policy for', repository);
  const { kind, name } = found.owner;
  return { ...policyAnswer(found), ...(kind === 'organisation' ? { organisation: name } : {}) };
};

export const setRetention: ApiHandler<'putRetention'> = async (exchange) => {
  const name = repositoryName(exchange.parameters.repository);
  return set(exchange, { kind: 'repository', name }, exchange.body);
};

export const removeRetention: ApiHandler<'deleteRetention'> = async (exchange) => {
  const name = repositoryName(exchange.parameters.repository);
  return remove(exchange, { kind: 'repository', name });
};

export const runRetentionNow: ApiHandler<'runRetention'> = async ({ services, parameters, body }) => {
  const repository = repositoryName(parameters.repository);
  const { database, clock, limits, sweeper } = services;
  const { isDryRun } = body;
  if (body.policy !== undefined && !isDryRun) {
    throw conflict('a policy that is not stored is only tried; store it to carry it out');
  }
  const policy = body.policy ?? (await findPolicyFor(database, repository))?.policy;
  if (policy === undefined) throw unknown('policy for', repository);
  const { unneededMs } = limits;
  const report = await runRetention(database, { repository, policy, now: clock(), unneededMs, isDryRun });
  if (!isDryRun) sweeper.wake();
  return { ...report, tags: report.tags.map(tagAnswer) };
};

export const showOrganisationRetention: ApiHandler<'findOrganisationRetention'> = async ({
  services,
  parameters,
}) => {
  const name = organisationName(parameters.organisation);
  const found = await findPolicyOf(services.database, { kind: 'organisation', name });
  if (found === undefined) throw unknown('policy for', name);
  return { ...policyAnswer(found), organisation: name };
};

export const setOrganisationRetention: ApiHandler<'putOrganisationRetention'> = async (exchange) => {
  const name = organisationName(exchange.parameters.organisation);
  if ((await findOrganisation(exchange.services.database, name)) === undefined) {
    throw unknown('organisation', name);
  }
  return set(exchange, { kind: 'organisation', name }, exchange.body);
};

export const removeOrganisationRetention: ApiHandler<'deleteOrganisationRetention'> = async (exchange) => {
  const name = organisationName(exchange.parameters.organisation);
  return remove(exchange, { kind: 'organisation', name });
};

async function set(
  exchange: Changing,
  owner: PolicyOwner,
  policy: RetentionPolicy,
): Promise<AnswerOf<'putRetention'>> {
  const runAt = exchange.services.clock() + firstRunMs;
  const stored = { policy: JSON.stringify(policy), run_at: runAt };
  await change(exchange, { action: 'say what is kept of', subject: owner.name }, async (writer) => {
    await putPolicy(writer, owner, stored);
    return true;
  });
  return { nextRunAt: timeText(runAt) };
}

async function remove(exchange: Changing, owner: PolicyOwner): Promise<undefined> {
  const isRemoved = await change(exchange, { action: 'keep everything of', subject: owner.name }, (writer) =>
    deletePolicy(writer, owner),
  );
  if (!isRemoved) throw unknown('policy for', owner.name);
  return undefined;
}

function policyAnswer({ policy, runAt }: FoundPolicy): AnswerOf<'findRetention'> {
  return { policy, nextRunAt: timeText(runAt) };
}
