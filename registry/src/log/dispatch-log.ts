import { ProtocolError } from '@img/spec/protocol-error';
import { quote } from '@img/spec/quote';
import type { Context } from 'koa';
import { type OrganisationName, possibleOwners } from '../accounts/account-names.ts';
import { organisationName } from '../accounts/api-exchange.ts';
import { findLog, type LogRow } from '../metadata/log/logs.ts';
import { nobody, type Principal } from '../server/auth/access-policy.ts';
import { challenge } from '../server/auth/challenge.ts';
import type { Services } from '../server/services.ts';
import { addEntry } from './add-entry.ts';
import { putLog, showLog } from './manage-log.ts';
import { readCheckpoint, readTileOf } from './read-log.ts';

/** Whether a path belongs to transparency logs. */
export function isLogPath(path: string): boolean {
  return path === '/log' || path.startsWith('/log/');
}

/**
 * Answers a request to transparency logs:
 *
 *     GET  /log?name=NAME                    which log a repository or organisation has
 *     PUT  /log?name=ORGANISATION            makes a log, or says who may read it and who witnesses it
 *     GET  /log/ORGANISATION/checkpoint      and tile/…, as https://c2sp.org/tlog-tiles says
 *     POST /log/ORGANISATION/entries         adds a bundle; the answer is its proof
 *
 * Whoever may pull what the organisation has may read its log; everybody, if it is public.
 */
export async function dispatchLog(ctx: Context, services: Services): Promise<void> {
  const answer = ctx.path === '/log' ? aboutLog(ctx) : inLog(ctx);
  await answer(services);
}

type Answering = (services: Services) => Promise<void>;

function aboutLog(ctx: Context): Answering {
  const name = organisationName(new URLSearchParams(ctx.querystring).get('name') ?? '');
  ctx.set('Cache-Control', 'no-store');
  if (ctx.method === 'PUT') {
    return async (services) =>
      putLog(ctx, services, { namespace: name, principal: await known(ctx, services) });
  }
  allowOnly(ctx, ['GET', 'PUT']);
  return async (services) => {
    const log = await findLog(services.database, possibleOwners(name));
    await showLog(ctx, services, await readable(ctx, services, name, log));
  };
}

function inLog(ctx: Context): Answering {
  const match = /^\/log\/(.+)\/(checkpoint|entries|tile\/.+)$/.exec(ctx.path);
  if (match === null) throw new ProtocolError('NAME_UNKNOWN', `nothing is at ${quote(ctx.path)}`);
  const [, text = '', rest = ''] = match;
  const namespace = organisationName(text);
  allowOnly(ctx, [rest === 'entries' ? 'POST' : 'GET']);
  return async (services) => {
    const log = await findLog(services.database, [namespace]);
    if (rest === 'entries') return addEntry(ctx, services, log);
    const shown = await readable(ctx, services, namespace, log);
    await (rest === 'checkpoint' ? readCheckpoint(ctx, shown) : readTileOf(ctx, services, shown, rest));
  };
}

/** A log that is not public is there only for those who may pull what it is about. */
async function readable(
  ctx: Context,
  services: Services,
  name: OrganisationName,
  log: LogRow | undefined,
): Promise<LogRow> {
  if (log?.isPublic === true) return log;
  const principal = await known(ctx, services);
  const role = log && (await services.policy.roleIn(principal, log.namespace));
  if (log !== undefined && role !== undefined) return log;
  throw new ProtocolError('NAME_UNKNOWN', `${name} has no log, or none that is for you`);
}

/** Who asks; whoever doesn't say it is told how to. */
async function known(ctx: Context, services: Services): Promise<Principal> {
  const { authenticator, issuer, publicUrl } = services;
  const grant = { type: 'registry', name: 'accounts', actions: ['*'] } as const;
  const about = { service: issuer.service, publicUrl, grant };
  const caller = await authenticator.authenticate(ctx.get('Authorization'), ctx.ip);
  if (caller === 'none') throw challenge(ctx, about);
  if (caller === 'invalid') throw challenge(ctx, { ...about, error: 'invalid_token' });
  if (!caller.allowsAccounts()) throw challenge(ctx, { ...about, error: 'insufficient_scope' });
  ctx.state['user'] = caller.name;
  const principal = await caller.principal();
  if (principal.name === nobody.name) throw challenge(ctx, { ...about, error: 'invalid_token' });
  return principal;
}

function allowOnly(ctx: Context, methods: readonly string[]): void {
  if (methods.includes(ctx.method)) return;
  throw new ProtocolError('UNSUPPORTED', `${quote(ctx.path)} has no ${quote(ctx.method)}`, {
    headers: { Allow: methods.join(', ') },
  });
}
