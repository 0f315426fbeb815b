import { parseBundle } from '@img/sign/bundle';
import { inTotoPayloadType, parseInToto } from '@img/sign/in-toto';
import { maxEntryBytes } from '@img/sign/log/tile';
import { SignError } from '@img/sign/sign-error';
import { coversName, type NamePrefix } from '@img/spec/name-prefix';
import { ProtocolError } from '@img/spec/protocol-error';
import type { RepositoryName } from '@img/spec/repository-name';
import type { Context } from 'koa';
import type { LogRow } from '../metadata/log/logs.ts';
import { findLog } from '../metadata/log/logs.ts';
import { challenge } from '../server/auth/challenge.ts';
import type { Grant } from '../server/auth/scope.ts';
import { readBody } from '../server/http/request-body.ts';
import type { Services } from '../server/services.ts';
import { appendEntry } from './append-entry.ts';
import { proveEntry } from './prove-entry.ts';
import { publishCheckpoint } from './publish-checkpoint.ts';

/**
 * `POST <log>/entries`: adds a bundle whose statement is about a repository that the log is for and the caller may push
 * to. One that is there already is not added again. The answer is a proof, of a checkpoint that is published.
 */
export async function addEntry(ctx: Context, services: Services, log: LogRow | undefined): Promise<void> {
  const { database, limits } = services;
  // Only who is somebody is worth reading a body from; what may be pushed is known when the body is.
  const caller = await services.authenticator.authenticate(ctx.get('Authorization'), ctx.ip);
  const refused = { service: services.issuer.service, publicUrl: services.publicUrl };
  if (caller === 'none') throw challenge(ctx, refused);
  if (caller === 'invalid') throw challenge(ctx, { ...refused, error: 'invalid_token' });
  ctx.state['user'] = caller.name;
  const bytes = await readBody(ctx, maxEntryBytes, limits);
  const repository = repositoryOf(bytes);
  if (!(await caller.allows(repository, 'push'))) {
    const grant: Grant = { type: 'repository', name: repository, actions: ['pull', 'push'] };
    const principal = await caller.principal();
    const [reachable] = await services.policy.intersect(principal, [grant]);
    if (principal.name !== '' && (reachable?.actions.length ?? 0) < grant.actions.length)
      throw new ProtocolError('DENIED');
    throw challenge(ctx, { ...refused, grant, error: 'insufficient_scope' });
  }
  if (log === undefined) throw new ProtocolError('NAME_UNKNOWN', 'there is no such log');
  if (!coversName(log.namespace as string as NamePrefix, repository)) {
    throw new ProtocolError('DENIED', `the log of ${log.namespace} is not for ${repository}`);
  }
  const index = await appendEntry(database, log, bytes);
  const proof = await proveEntry(database, await published(services, log, index), index);
  ctx.body = proof;
  ctx.set({ 'Content-Type': 'text/plain; charset=utf-8', 'Cache-Control': 'no-store' });
}

/** The log with a published checkpoint that has the entry, and that as many witnesses have signed as do. */
async function published(services: Services, { namespace }: LogRow, index: number): Promise<LogRow> {
  const read = async () => (await findLog(services.database, [namespace])) as LogRow;
  const log = await read();
  await publishCheckpoint(services, log);
  const now = await read();
  if (now.published > index) return now;
  // Between the two its last witness was taken away, and nobody has appended since.
  return { ...now, published: now.size, checkpoint: now.latest };
}

function repositoryOf(bytes: Uint8Array): RepositoryName {
  try {
    const { payloadType, payload } = parseBundle(bytes).envelope;
    const statement = payloadType === inTotoPayloadType ? parseInToto(payload) : undefined;
    if (statement?.repository !== undefined) return statement.repository;
  } catch (cause) {
    if (!(cause instanceof SignError)) throw cause;
    throw new ProtocolError('UNSUPPORTED', `not a bundle with a signature: ${cause.message}`, {
      status: 400,
      cause,
    });
  }
  throw new ProtocolError('UNSUPPORTED', 'the bundle holds no statement about a repository', { status: 400 });
}
