import { SignError } from '@img/sign/sign-error';
import type { TrustPolicy } from '@img/sign/trust-policy';
import { describeRule } from '@img/sign/trust-rule';
import { digestOf } from '@img/spec/digest';
import { coversName, type NamePrefix } from '@img/spec/name-prefix';
import { ProtocolError } from '@img/spec/protocol-error';
import type { RepositoryName } from '@img/spec/repository-name';
import { findOrganisation } from '../../metadata/accounts/organisations.ts';
import {
  deleteRule,
  findLongestRule,
  findRuleAt,
  putRule,
  type StoredRule,
} from '../../metadata/admission/rules.ts';
import { parseRuleDocument } from '../../server/admission/admission-policy.ts';
import { possibleOwners } from '../account-names.ts';
import {
  type ApiExchange,
  type ApiHandler,
  change,
  organisationName,
  repositoryName,
  timeText,
  unknown,
} from '../api-exchange.ts';
import type { AnswerOf, ApiRouteId } from '../api-routes.ts';

type Changing = Pick<ApiExchange<ApiRouteId>, 'services' | 'principal'>;

export const showRule: ApiHandler<'findRule'> = async ({ services, parameters }) => {
  const name = repositoryName(parameters.repository);
  return answer(await findLongestRule(services.database, possibleOwners(name)), name);
};

export const setRule: ApiHandler<'putRule'> = async (exchange) => {
  return set(exchange, repositoryName(exchange.parameters.repository), exchange.body.document);
};

export const removeRule: ApiHandler<'deleteRule'> = async (exchange) => {
  return remove(exchange, repositoryName(exchange.parameters.repository));
};

export const showOrganisationRule: ApiHandler<'findOrganisationRule'> = async ({ services, parameters }) => {
  const name = organisationName(parameters.organisation);
  return answer(await findRuleAt(services.database, name), name);
};

export const setOrganisationRule: ApiHandler<'putOrganisationRule'> = async (exchange) => {
  const name = organisationName(exchange.parameters.organisation);
  if ((await findOrganisation(exchange.services.database, name)) === undefined) {
    throw unknown('organisation', name);
  }
  return set(exchange, name, exchange.body.document);
};

export const removeOrganisationRule: ApiHandler<'deleteOrganisationRule'> = async (exchange) => {
  return remove(exchange, organisationName(exchange.parameters.organisation));
};

function answer(rule: StoredRule | undefined, asked: RepositoryName): AnswerOf<'findRule'> {
  if (rule === undefined) throw unknown('rule for', asked);
  const { name, digest, set_by, set_at } = rule;
  return {
    name,
    rules: rulesIn(parseRuleDocument(name, rule.document)),
    document: Buffer.from(rule.document).toString(),
    digest,
    setBy: set_by,
    setAt: timeText(set_at),
  };
}

async function set(exchange: Changing, name: RepositoryName, text: string): Promise<AnswerOf<'putRule'>> {
  const document = Buffer.from(text);
  const rules = rulesIn(checkDocument(exchange, name, document));
  const digest = digestOf(document);
  const set_by = exchange.principal.name;
  const event = { action: 'say who must sign tags of', subject: name };
  await change(exchange, event, async (writer, now) => {
    await putRule(writer, { name, document, digest, set_by, set_at: now });
    return true;
  });
  return { rules, digest };
}

async function remove(exchange: Changing, name: RepositoryName): Promise<undefined> {
  const event = { action: 'let anybody tag in', subject: name };
  if (await change(exchange, event, (writer) => deleteRule(writer, name))) return undefined;
  throw unknown('rule at', name);
}

/** @throws ProtocolError UNSUPPORTED with what is wrong with the document, or why it could never admit a tag */
function checkDocument({ services }: Changing, name: RepositoryName, document: Uint8Array): TrustPolicy {
  const policy = parsed(name, document);
  const prefixes = [...policy.rules.keys()];
  const concerned = prefixes.filter((prefix) => concerns(prefix, name));
  if (concerned.length === 0) {
    const others = prefixes.length === 0 ? 'has no rule' : `has rules for ${prefixes.join(', ')} only`;
    throw invalid(`the document ${others}, and none for ${name} or names below it`);
  }
  const ended = concerned.find((prefix) => {
    const end = policy.ends.get(prefix);
    return end !== undefined && end.expires * 1000 <= services.clock();
  });
  if (ended !== undefined) throw invalid(`the rule for ${ended} has expired, and would refuse every tag`);
  return policy;
}

function parsed(name: RepositoryName, document: Uint8Array): TrustPolicy {
  try {
    return parseRuleDocument(name, document);
  } catch (cause) {
    if (!(cause instanceof SignError)) throw cause;
    throw invalid(cause.hint === undefined ? cause.message : `${cause.message}; ${cause.hint}`, cause);
  }
}

function invalid(message: string, cause?: Error): ProtocolError {
  return new ProtocolError('UNSUPPORTED', message, { status: 400, cause });
}

/** Whether a prefix covers the name, or some below it. */
function concerns(prefix: NamePrefix, name: RepositoryName): boolean {
  return coversName(prefix, name) || prefix.startsWith(`${name}.`) || prefix.startsWith(`${name}/`);
}

function rulesIn({ rules }: TrustPolicy): readonly string[] {
  return [...rules.values()].map(describeRule);
}
