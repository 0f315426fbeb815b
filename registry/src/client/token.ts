import { parseJson } from '@img/spec/json';
import { JsonFields } from '@img/spec/json-fields';
import { limits } from '@img/spec/limits';
import { RegistryError } from '../registry-error.ts';
import type { Credentials } from './credentials.ts';
import { checkDestination, isLoopbackUrl, type RegistryEndpoint } from './endpoint.ts';
import { readBody } from './read-body.ts';
import { refusalOf } from './refusal.ts';
import { isTransientStatus, retryAfterMs, TransientFailure } from './retry.ts';
import type { Scope } from './scope.ts';
import type { Answer, Exchange, Transport } from './transport.ts';

export type Token = {
  readonly value: string;
  /** Milliseconds since 1970. */
  readonly expiresAtMs: number;
};

/** Where tokens come from, as a Bearer challenge says. */
export type TokenService = {
  readonly realm: URL;
  readonly service: string | undefined;
};

export type TokenRequest = {
  readonly endpoint: RegistryEndpoint;
  readonly transport: Transport;
  readonly service: TokenService;
  readonly scopes: readonly Scope[];
  readonly credentials: Credentials | undefined;
  readonly userAgent: string;
  readonly now: () => number;
  readonly signal?: AbortSignal | undefined;
};

// Docker's token specification: tokens without a lifetime are valid for this long.
const defaultLifetimeSeconds = 60;
const clientId = 'img';

/**
 * Gets a token: with GET (Docker's way), with POST (OAuth 2) for identity tokens and for services that have no
 * GET. Redirects of a token service are not followed, since credentials are part of the request.
 *
 * Credentials leave for another host than the registry's only over https, and only if the registry itself
 * named that host over a connection that nobody else could write to; otherwise the service is asked without.
 *
 * @throws RegistryError LOGIN_FAILED for refused credentials, ACCESS_DENIED without any, TOKEN_REFUSED for an
 *   answer that is no token, REDIRECT_REFUSED for a service where tokens must not be asked; TransientFailure
 *   where another try may help
 */
export async function requestToken(request: TokenRequest): Promise<Token> {
  const { endpoint, service } = request;
  checkDestination(endpoint, new URL(endpoint.origin), service.realm);
  const credentials = mayShowCredentials(endpoint, service.realm) ? request.credentials : undefined;
  const what = `get a token for ${endpoint.host} from ${service.realm.origin}`;
  let answer = await ask(request, what, credentials, credentials?.kind === 'identity token' ? 'POST' : 'GET');
  if ((answer.status === 404 || answer.status === 405) && credentials?.kind === 'password') {
    await answer.discard();
    answer = await ask(request, what, credentials, 'POST');
  }
  if (answer.status !== 200) throw await tokenRefusal(what, answer, request, credentials);
  return tokenFrom(await readBody(answer, limits.tokenBodyBytes, what), what, request.now());
}

/** Whether the registry's credentials may be sent to the realm that it names. */
export function mayShowCredentials(endpoint: RegistryEndpoint, realm: URL): boolean {
  const registry = new URL(endpoint.origin);
  if (realm.hostname === registry.hostname) return true;
  // The challenge can't have been written by others if it came over https or from this machine.
  const isChallengeGenuine = registry.protocol === 'https:' || isLoopbackUrl(registry);
  return isChallengeGenuine && realm.protocol === 'https:';
}

async function ask(
  { transport, service, scopes, userAgent, signal }: TokenRequest,
  what: string,
  credentials: Credentials | undefined,
  method: 'GET' | 'POST',
): Promise<Answer> {
  const url = new URL(service.realm);
  const parameters = method === 'GET' ? url.searchParams : new URLSearchParams();
  if (service.service !== undefined) parameters.set('service', service.service);
  const headers: { [name: string]: string } = { 'user-agent': userAgent, accept: 'application/json' };
  const exchange: Omit<Exchange, 'body'> = { what, method, url, headers, signal };
  if (method === 'GET') {
    for (const scope of scopes) parameters.append('scope', scope);
    parameters.set('client_id', clientId);
    if (credentials?.kind === 'password') {
      parameters.set('account', credentials.username);
      headers['authorization'] = basicAuthorization(credentials.username, credentials.password);
    }
    return await transport.send(exchange);
  }
  parameters.set('client_id', clientId);
  if (scopes.length > 0) parameters.set('scope', scopes.join(' '));
  if (credentials?.kind === 'identity token') {
    parameters.set('grant_type', 'refresh_token');
    parameters.set('refresh_token', credentials.token);
  } else if (credentials?.kind === 'password') {
    parameters.set('grant_type', 'password');
    parameters.set('username', credentials.username);
    parameters.set('password', credentials.password);
  }
  headers['content-type'] = 'application/x-www-form-urlencoded';
  const form = new TextEncoder().encode(parameters.toString());
  return await transport.send({ ...exchange, body: { sizeBytes: form.byteLength, open: () => once(form) } });
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

/** @throws RegistryError LOGIN_FAILED if the user name or password can't be sent */
export function basicAuthorization(username: string, password: string): string {
  // RFC 7617 section 2: the first colon ends the user name.
  if (username.includes(':')) throw new RegistryError('LOGIN_FAILED', 'user name must not have a ":" in it');
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}

async function tokenRefusal(
  what: string,
  answer: Answer,
  { endpoint, now }: TokenRequest,
  credentials: Credentials | undefined,
): Promise<Error> {
  const refusal = await refusalOf(what, answer, `log in with: img login ${endpoint.host}`);
  if (isTransientStatus(answer.status)) {
    return new TransientFailure(refusal, retryAfterMs(answer.header('retry-after'), now()));
  }
  if (refusal.code === 'CONTENT_MISSING' || (answer.status >= 300 && answer.status < 400)) {
    return new RegistryError('TOKEN_REFUSED', refusal.message, { cause: refusal });
  }
  // Services answer wrong credentials with 401, OAuth 2 ones with 400 (RFC 6749 section 5.2).
  const isLogin = credentials !== undefined && [400, 401, 403].includes(answer.status);
  if (!isLogin) return refusal;
  return new RegistryError('LOGIN_FAILED', `${refusal.message}: the credentials were not accepted`, {
    cause: refusal,
    hint: `log in again with: img login ${endpoint.host}`,
  });
}

function tokenFrom(bytes: Uint8Array, what: string, nowMs: number): Token {
  try {
    const value = parseJson(bytes, { maxBytes: limits.tokenBodyBytes });
    const fields = new JsonFields(value, 'token answer', 'JSON_INVALID');
    const token =
      fields.optionalString('token', limits.tokenBodyBytes) ??
      fields.string('access_token', limits.tokenBodyBytes);
    const lifetimeSeconds = fields.optionalInteger('expires_in', 0) ?? defaultLifetimeSeconds;
    // What a header may hold (RFC 6750 section 2.1, loosely), so that no answer can add headers to requests.
    if (!/^[\x21-\x7e]+$/.test(token)) throw new Error('the token has characters that no token has');
    return { value: token, expiresAtMs: nowMs + lifetimeSeconds * 1000 };
  } catch (cause) {
    throw new RegistryError('TOKEN_REFUSED', `could not ${what}: ${(cause as Error).message}`, { cause });
  }
}
