import { ProtocolError } from '@img/spec/protocol-error';
import { quote } from '@img/spec/quote';
import { parseRepositoryName, type RepositoryName } from '@img/spec/repository-name';
import { matchRoute, type RepositoryAction, type RouteMatch, routeTable } from '@img/spec/routes';
import type { Context } from 'koa';
import type { Caller } from './auth/authenticator.ts';
import { challenge } from './auth/challenge.ts';
import type { Grant } from './auth/scope.ts';
import { answerFromCache } from './cache/answer-from-cache.ts';
import { repositoryByNamespace } from './cache/repository-by-namespace.ts';
import { isRegistryRoute, registryHandlers, repositoryHandlers } from './routes.ts';
import type { Services } from './services.ts';

/**
 * Answers a request under `/v2/`: finds the route, then who asks and whether they may, then the handler. What is
 * refused up to there depends on names alone, never on what the registry holds.
 */
export async function dispatch(ctx: Context, services: Services): Promise<void> {
  ctx.set('Docker-Distribution-Api-Version', 'registry/2.0');
  const match = matchRoute(ctx.path);
  if (match === undefined) throw new ProtocolError('NAME_UNKNOWN', `nothing is at ${quote(ctx.path)}`);
  const exchange = { ctx, services, query: new URLSearchParams(ctx.querystring) };
  if (isRegistryRoute(match.id)) {
    const handler = handlerFor(ctx, match, registryHandlers[match.id]);
    const grant: Grant | undefined =
      match.id === 'catalog' ? { type: 'registry', name: 'catalog', actions: ['*'] } : undefined;
    const caller = await authorize(ctx, services, grant);
    await handler({ ...exchange, caller });
    return;
  }
  const handler = handlerFor(ctx, match, repositoryHandlers[match.id]);
  const named = { repository: repositoryOf(match), namespace: exchange.query.get('ns') };
  const repository = repositoryByNamespace(ctx, services, named);
  const parameter = decoded(match.parameter);
  const caller = await authorize(ctx, services, {
    type: 'repository',
    name: repository,
    actions: actionsFor(match, ctx.method),
  });
  const question = { ...exchange, caller, repository, parameter };
  const upstream = services.cache.find(repository);
  if (upstream === undefined) await handler(question);
  else await answerFromCache(question, upstream, { id: match.id, handler });
}

function handlerFor<H>(ctx: Context, { id }: RouteMatch, handlers: { readonly [method: string]: H }): H {
  const handler = Object.hasOwn(handlers, ctx.method) ? handlers[ctx.method] : undefined;
  if (handler !== undefined) return handler;
  throw new ProtocolError('UNSUPPORTED', `${routeTable[id].path} has no ${quote(ctx.method)}`, {
    headers: { Allow: Object.keys(handlers).join(', ') },
  });
}

function repositoryOf({ name }: RouteMatch): RepositoryName {
  try {
    return parseRepositoryName(name);
  } catch (cause) {
    throw new ProtocolError('NAME_INVALID', (cause as Error).message, { cause });
  }
}

// Some clients write the colon of a digest as %3A.
function decoded(parameter: string): string {
  try {
    return decodeURIComponent(parameter);
  } catch (cause) {
    throw new ProtocolError('UNSUPPORTED', `${quote(parameter)} is not percent-encoded`, {
      status: 400,
      cause,
    });
  }
}

/** What a token must allow. Whoever pushes also looks, so a challenge for push asks for pull at once. */
function actionsFor({ id }: RouteMatch, method: string): readonly RepositoryAction[] {
  const methods: { readonly [method: string]: RepositoryAction | undefined } = routeTable[id].methods;
  const action = methods[method] ?? 'pull';
  return action === 'push' ? ['pull', 'push'] : [action];
}

/**
 * @param grant what the request needs; undefined where valid credentials are enough
 * @throws ProtocolError UNAUTHORIZED where other credentials may help, DENIED where none of this user will
 */
async function authorize(ctx: Context, services: Services, grant: Grant | undefined): Promise<Caller> {
  const { authenticator, issuer, publicUrl, policy, requestLimit } = services;
  const about = { service: issuer.service, publicUrl, grant };
  const caller = await authenticator.authenticate(ctx.get('Authorization'), ctx.ip);
  requestLimit.take(caller, ctx.ip);
  if (caller === 'none') throw challenge(ctx, about);
  if (caller === 'invalid') throw challenge(ctx, { ...about, error: 'invalid_token' });
  ctx.state['user'] = caller.name;
  if (grant === undefined || (await holds(caller, grant))) return caller;
  const principal = await caller.principal();
  const [reachable] = await policy.intersect(principal, [grant]);
  const isOutOfReach = reachable === undefined || reachable.actions.length < grant.actions.length;
  if (principal.name !== '' && isOutOfReach) throw new ProtocolError('DENIED');
  throw challenge(ctx, { ...about, error: 'insufficient_scope' });
}

async function holds(caller: Caller, grant: Grant): Promise<boolean> {
  if (grant.type === 'registry') return caller.allowsCatalog();
  for (const action of grant.actions) if (!(await caller.allows(grant.name, action))) return false;
  return true;
}
