import { ProtocolError } from '@img/spec/protocol-error';
import type { Context } from 'koa';
import { readBody } from '../http/request-body.ts';
import type { Services } from '../services.ts';
import { nobody } from './access-policy.ts';
import { parseBasic } from './basic-credentials.ts';
import type { Account } from './log-in.ts';
import { formatScope, parseScopes } from './scope.ts';
import { accessTokenSeconds } from './token-issuer.ts';

const formBytes = 64 * 1024;

type TokenRequest = {
  /** Undefined for whoever gave no credentials. */
  readonly account: Account | undefined;
  readonly scopes: readonly string[];
  /** Whether the client wants to come back without the password. */
  readonly wantsRefresh: boolean;
  /** The refresh token that it came with. */
  readonly refreshToken?: string;
};

/**
 * Gives tokens (Docker's token specification: GET; its OAuth 2 form: POST). A token grants the part of what was
 * asked that the user may have; asking for more is no error. Without credentials it is nobody's token.
 */
export async function answerTokenRequest(ctx: Context, services: Services): Promise<void> {
  if (ctx.method === 'GET') await answerToken(ctx, services, await readQuery(ctx, services));
  else if (ctx.method === 'POST') await answerToken(ctx, services, await readForm(ctx, services));
  else {
    throw new ProtocolError('UNSUPPORTED', `the token endpoint answers GET and POST, not ${ctx.method}`, {
      headers: { Allow: 'GET, POST' },
    });
  }
}

async function answerToken(ctx: Context, services: Services, request: TokenRequest): Promise<void> {
  const { issuer, policy } = services;
  const { account } = request;
  const principal = account?.principal ?? nobody;
  const grants = await policy.intersect(principal, parseScopes(request.scopes));
  const { token, issuedAt } = await issuer.issueAccess(principal.name, grants);
  const refreshToken =
    request.refreshToken ??
    (account !== undefined && request.wantsRefresh
      ? await issuer.issueRefresh(principal.name, account.secretHash)
      : undefined);
  ctx.set('Cache-Control', 'no-store');
  ctx.body = {
    token,
    access_token: token,
    token_type: 'Bearer',
    expires_in: accessTokenSeconds,
    issued_at: issuedAt.toISOString(),
    scope: grants.map(formatScope).join(' '),
    ...(refreshToken === undefined ? {} : { refresh_token: refreshToken }),
  };
}

async function readQuery(ctx: Context, { logIn }: Services): Promise<TokenRequest> {
  const query = new URLSearchParams(ctx.querystring);
  const authorization = ctx.get('Authorization');
  const credentials = parseBasic(authorization);
  const account = credentials === undefined ? undefined : await logIn.byPassword(credentials, ctx.ip);
  if (account === undefined && authorization !== '') throw wrongPassword();
  return { account, scopes: query.getAll('scope'), wantsRefresh: query.get('offline_token') === 'true' };
}

async function readForm(ctx: Context, { logIn, issuer, limits }: Services): Promise<TokenRequest> {
  const form = new URLSearchParams(new TextDecoder().decode(await readBody(ctx, formBytes, limits)));
  const request = { scopes: form.getAll('scope'), wantsRefresh: form.get('access_type') === 'offline' };
  switch (form.get('grant_type')) {
    case 'password': {
      const credentials = { name: form.get('username') ?? '', password: form.get('password') ?? '' };
      const account = await logIn.byPassword(credentials, ctx.ip);
      if (account === undefined) throw wrongPassword();
      return { ...request, account };
    }
    case 'refresh_token': {
      const refreshToken = form.get('refresh_token') ?? '';
      const read = await issuer.readRefresh(refreshToken);
      const account = read === undefined ? undefined : await logIn.account(read.subject);
      const isValid = account !== undefined && read?.isFor(account.secretHash) === true;
      if (!isValid) throw wrongPassword('invalid refresh token');
      return { ...request, account, refreshToken };
    }
    default:
      throw new ProtocolError('UNSUPPORTED', 'grant_type should be password or refresh_token', {
        status: 400,
      });
  }
}

function wrongPassword(message = 'wrong user name or password'): ProtocolError {
  return new ProtocolError('UNAUTHORIZED', message, {
    headers: { 'WWW-Authenticate': 'Basic realm="img registry"' },
  });
}
