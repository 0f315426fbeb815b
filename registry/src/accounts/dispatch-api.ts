import { type JsonValue, parseJson } from '@img/spec/json';
import { ProtocolError } from '@img/spec/protocol-error';
import { quote } from '@img/spec/quote';
import { SpecError } from '@img/spec/spec-error';
import type { Context } from 'koa';
import { nobody, type Principal } from '../server/auth/access-policy.ts';
import { challenge } from '../server/auth/challenge.ts';
import { answerEmpty, answerJson } from '../server/http/answer.ts';
import { readBody } from '../server/http/request-body.ts';
import type { Services } from '../server/services.ts';
import { type Role, roles } from './account-names.ts';
import { type ApiExchange, organisationName, repositoryName } from './api-exchange.ts';
import { apiHandlers } from './api-handlers.ts';
import { type ApiMatch, type ApiRoute, type ApiRouteId, anyApiRoutes, matchApiRoutes } from './api-routes.ts';
import { checkSchema } from './schema.ts';

const usualBodyBytes = 64 * 1024;

/**
 * Answers a request under `/api/`: finds the route, then who asks and whether they may, then the handler. What is
 * refused up to there depends on names alone, never on what the registry holds.
 */
export async function dispatchApi(ctx: Context, services: Services): Promise<void> {
  ctx.set('Cache-Control', 'no-store');
  const { id, parameters } = findRoute(ctx);
  const route = anyApiRoutes[id];
  const decoded = Object.fromEntries(Object.entries(parameters).map(([name, text]) => [name, decode(text)]));
  const principal = route.access === 'everybody' ? nobody : await authenticate(ctx, services);
  if (!(await isAllowed(route, principal, decoded, services))) throw new ProtocolError('DENIED');
  const body = route.body === undefined ? undefined : await readJson(ctx, route, route.body, services);
  const query = new URLSearchParams(ctx.querystring);
  const exchange = { services, principal, parameters: decoded, query, body, address: ctx.ip };
  // The table has one type for each route, which the compiler can't follow through a variable.
  const handler = apiHandlers[id] as (exchange: object) => Promise<unknown>;
  const answer = await handler(exchange satisfies Omit<ApiExchange<ApiRouteId>, 'parameters' | 'body'>);
  if (route.answer === undefined) answerEmpty(ctx, 204);
  else answerJson(ctx, answer);
}

function findRoute(ctx: Context): ApiMatch {
  const matches = matchApiRoutes(ctx.path);
  const match = matches.find(({ id }) => anyApiRoutes[id].method === ctx.method);
  if (match !== undefined) return match;
  if (matches.length === 0) throw new ProtocolError('NAME_UNKNOWN', `nothing is at ${quote(ctx.path)}`);
  throw new ProtocolError('UNSUPPORTED', `${quote(ctx.path)} has no ${quote(ctx.method)}`, {
    headers: { Allow: matches.map(({ id }) => anyApiRoutes[id].method).join(', ') },
  });
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (cause) {
    throw malformed(`${quote(text)} is not percent-encoded`, cause);
  }
}

async function authenticate(ctx: Context, services: Services): Promise<Principal> {
  const { authenticator, issuer, publicUrl, requestLimit } = services;
  const grant = { type: 'registry', name: 'accounts', actions: ['*'] } as const;
  const about = { service: issuer.service, publicUrl, grant };
  const caller = await authenticator.authenticate(ctx.get('Authorization'), ctx.ip);
  requestLimit.take(caller, ctx.ip);
  if (caller === 'none') throw challenge(ctx, about);
  if (caller === 'invalid') throw challenge(ctx, { ...about, error: 'invalid_token' });
  ctx.state['user'] = caller.name;
  if (!caller.allowsAccounts()) throw challenge(ctx, { ...about, error: 'insufficient_scope' });
  const principal = await caller.principal();
  // Its account was removed after the token was given.
  if (principal.name === '') throw challenge(ctx, { ...about, error: 'invalid_token' });
  return principal;
}

async function isAllowed(
  { access }: ApiRoute,
  principal: Principal,
  parameters: { readonly [name: string]: string },
  { policy }: Services,
): Promise<boolean> {
  if (access === 'everybody' || access === 'account') return true;
  if (access === 'administrator') return principal.isAdministrator;
  if ('organisation' in access) {
    const organisation = organisationName(parameters['organisation'] ?? '');
    return isAtLeast(await policy.roleIn(principal, organisation), access.organisation);
  }
  const repository = repositoryName(parameters['repository'] ?? '');
  // To read is to pull, which everybody may where it is public.
  if (access.repository === 'read') return policy.allows(principal, repository, 'pull');
  return isAtLeast(await policy.roleFor(principal, repository), access.repository);
}

function isAtLeast(role: Role | undefined, wanted: Role): boolean {
  return role !== undefined && roles.indexOf(role) >= roles.indexOf(wanted);
}

/** Other sites can make a browser send forms, with what it knows of passwords, but no JSON. */
async function readJson(
  ctx: Context,
  { bodyBytes = usualBodyBytes }: ApiRoute,
  schema: NonNullable<ApiRoute['body']>,
  { limits }: Services,
): Promise<unknown> {
  if (ctx.request.type !== 'application/json') {
    const message = `the content should be application/json, not ${quote(ctx.request.type)}`;
    throw new ProtocolError('UNSUPPORTED', message, { status: 415 });
  }
  const bytes = await readBody(ctx, bodyBytes, limits);
  let value: JsonValue;
  try {
    value = parseJson(bytes, { maxBytes: bodyBytes });
  } catch (cause) {
    if (!(cause instanceof SpecError)) throw cause;
    throw malformed(cause.message, cause);
  }
  try {
    return checkSchema(schema, value, 'the content', { isOpen: false });
  } catch (cause) {
    if (!(cause instanceof TypeError)) throw cause;
    throw malformed(cause.message, cause);
  }
}

function malformed(message: string, cause: unknown): ProtocolError {
  return new ProtocolError('UNSUPPORTED', message, { status: 400, cause });
}
