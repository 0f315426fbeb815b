import { type Digest, isDigest } from '@img/spec/digest';
import { ProtocolError } from '@img/spec/protocol-error';
import { quote } from '@img/spec/quote';
import { isRepositoryName, type RepositoryName } from '@img/spec/repository-name';
import { isTag, type Tag } from '@img/spec/tag';
import { noteEvent } from '../metadata/accounts/events.ts';
import type { Writer } from '../metadata/database.ts';
import type { Principal } from '../server/auth/access-policy.ts';
import type { Services } from '../server/services.ts';
import {
  isOrganisationName,
  isRobotName,
  isUserName,
  type OrganisationName,
  type UserName,
} from './account-names.ts';
import type { AnswerOf, ApiRouteId, BodyOf, ParametersOf } from './api-routes.ts';

/** A request to the management API that the caller may make. */
export type ApiExchange<Id extends ApiRouteId> = {
  readonly services: Services;
  readonly principal: Principal;
  readonly parameters: ParametersOf<Id>;
  readonly query: URLSearchParams;
  readonly body: BodyOf<Id>;
  /** Where the request came from. */
  readonly address: string;
};

export type ApiHandler<Id extends ApiRouteId> = (exchange: ApiExchange<Id>) => Promise<AnswerOf<Id>>;

/** Changes accounts, and notes who did what to what; nothing is noted if the work says that it changed nothing. */
export async function change(
  { services, principal }: Pick<ApiExchange<ApiRouteId>, 'services' | 'principal'>,
  { action, subject }: { readonly action: string; readonly subject: string },
  work: (writer: Writer, now: number) => Promise<boolean>,
): Promise<boolean> {
  const now = services.clock();
  return services.database.transaction(async (writer) => {
    const isChanged = await work(writer, now);
    if (isChanged) await noteEvent(writer, { at: now, actor: principal.name, action, subject });
    return isChanged;
  });
}

/** @throws ProtocolError NAME_INVALID */
export function userName(text: string): UserName {
  if (isUserName(text)) return text;
  throw nameInvalid(
    'user',
    text,
    'lower-case letters and digits, with dots, _ and - inside, 64 characters at most',
  );
}

/** @throws ProtocolError NAME_INVALID */
export function organisationName(text: string): OrganisationName {
  if (isOrganisationName(text)) return text;
  throw nameInvalid('organisation', text, 'the beginning of names of repositories, such as com.example');
}

/** @throws ProtocolError NAME_INVALID */
export function robotName(text: string): string {
  if (isRobotName(text)) return text;
  throw nameInvalid('robot', text, 'lower-case letters and digits, with - inside, 32 characters at most');
}

/** @throws ProtocolError NAME_INVALID */
export function repositoryName(text: string): RepositoryName {
  if (isRepositoryName(text)) return text;
  throw nameInvalid('repository', text, 'such as com.example.app');
}

/** @throws ProtocolError NAME_INVALID */
export function tagName(text: string): Tag {
  if (isTag(text)) return text;
  throw nameInvalid('tag', text, '1 to 128 letters, digits, ".", "_" and "-"');
}

/** @throws ProtocolError DIGEST_INVALID */
export function digestOf(text: string): Digest {
  if (isDigest(text)) return text;
  throw new ProtocolError('DIGEST_INVALID', `${quote(text)} is no digest such as sha256:<64 digits>`);
}

function nameInvalid(kind: string, text: string, expected: string): ProtocolError {
  return new ProtocolError('NAME_INVALID', `the name of the ${kind}, ${quote(text)}, should be ${expected}`);
}

/** @param name one that was checked */
export function unknown(kind: string, name: string): ProtocolError {
  return new ProtocolError('NAME_UNKNOWN', `there is no ${kind} ${name}`);
}

/** What contradicts what is there. */
export function conflict(message: string): ProtocolError {
  return new ProtocolError('UNSUPPORTED', message, { status: 409 });
}

export function timeText(ms: number): string {
  return new Date(ms).toISOString();
}
