import { ProtocolError } from '@img/spec/protocol-error';
import { parseRegistryHost } from '@img/spec/registry-host';
import type { Context } from 'koa';
import { formatScope, type Grant } from './scope.ts';

export type ChallengeOptions = {
  readonly service: string;
  /** Where clients reach the registry; undefined where the request itself says it. */
  readonly publicUrl: string | undefined;
  /** What the request needs. */
  readonly grant?: Grant | undefined;
  /** What was wrong with the credentials (RFC 6750 section 3.1). */
  readonly error?: 'invalid_token' | 'insufficient_scope' | undefined;
};

/**
 * The refusal that tells a client where to get a token for what it asks (Docker's token specification). It never
 * depends on what exists.
 */
export function challenge(
  ctx: Context,
  { service, publicUrl, grant, error }: ChallengeOptions,
): ProtocolError {
  const parameters = [
    `realm="${publicUrl ?? ownUrl(ctx)}/token"`,
    `service="${service}"`,
    ...(grant === undefined ? [] : [`scope="${formatScope(grant)}"`]),
    ...(error === undefined ? [] : [`error="${error}"`]),
  ];
  return new ProtocolError('UNAUTHORIZED', undefined, {
    headers: { 'WWW-Authenticate': `Bearer ${parameters.join(',')}` },
    ...(grant === undefined
      ? {}
      : { detail: [{ Type: grant.type, Name: grant.name, Action: grant.actions.join(',') }] }),
  });
}

function ownUrl(ctx: Context): string {
  try {
    return `${ctx.protocol}://${parseRegistryHost(ctx.host)}`;
  } catch (cause) {
    throw new ProtocolError('UNSUPPORTED', `the Host header is not usable: ${(cause as Error).message}`, {
      status: 400,
      cause,
    });
  }
}
