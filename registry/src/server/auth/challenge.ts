import { ProtocolError } from '@img/spec/protocol-error';
import { quote } from '@img/spec/quote';
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
  const message =
    error === 'invalid_token' ? 'wrong password, or a token that is not valid any more' : undefined;
  return new ProtocolError('UNAUTHORIZED', message, {
    headers: { 'WWW-Authenticate': `Bearer ${parameters.join(',')}` },
    ...(grant === undefined
      ? {}
      : { detail: [{ Type: grant.type, Name: grant.name, Action: grant.actions.join(',') }] }),
  });
}

// Also a name without a dot, as networks of containers have; nothing that could leave the quotes of the challenge.
const hostPattern = /^(?:[a-z0-9._-]{1,253}|\[[0-9a-f:.]{2,45}\])(?::\d{1,5})?$/i;

function ownUrl({ protocol, host }: Context): string {
  if (hostPattern.test(host)) return `${protocol}://${host}`;
  throw new ProtocolError('UNSUPPORTED', `the Host header ${quote(host)} is no host name or address`, {
    status: 400,
  });
}
