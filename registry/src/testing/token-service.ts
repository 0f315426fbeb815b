import { bodyOf, type Misbehaviour, type RegistryDouble, refuse } from './registry-double.ts';

export type TokenServiceOptions = {
  readonly username?: string;
  readonly password?: string;
  /** Accepted as a refresh token. */
  readonly identityToken?: string;
  /** Answers 404 to GET, as services do that know OAuth 2 only. */
  readonly isPostOnly?: boolean;
  readonly lifetimeSeconds?: number;
  /** Where the service is; on the double itself if absent. */
  readonly realm?: string;
};

/** What a token service was asked. */
export type TokenRecord = {
  readonly method: string;
  readonly parameters: URLSearchParams;
  readonly authorization: string | undefined;
};

/**
 * Makes a double demand tokens, and gives them at `/token` to whoever has the password, and to everybody if
 * there is none. A token names its scopes; a request needs one for its own repository.
 */
export function addTokenService(double: RegistryDouble, options: TokenServiceOptions = {}): TokenRecord[] {
  const records: TokenRecord[] = [];
  double.misbehave(tokenEndpoint(options, records));
  double.misbehave(demandToken(double, options));
  return records;
}

/** Answers at `/token`. */
export function tokenEndpoint(options: TokenServiceOptions, records: TokenRecord[]): Misbehaviour {
  return async ({ request, response, url }) => {
    if (url.pathname !== '/token') return false;
    const isPost = request.method === 'POST';
    const parameters = isPost ? new URLSearchParams(String(await bodyOf(request))) : url.searchParams;
    const { authorization } = request.headers;
    records.push({ method: request.method ?? '', parameters, authorization });
    if (options.isPostOnly === true && !isPost) {
      refuse(response, 404, 'UNSUPPORTED');
    } else if (isRightful(options, parameters, authorization)) {
      const scopes = parameters.getAll('scope').join(' ');
      const token = Buffer.from(`${records.length} ${scopes}`).toString('base64url');
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(
        JSON.stringify({
          [isPost ? 'access_token' : 'token']: token,
          expires_in: options.lifetimeSeconds ?? 300,
        }),
      );
    } else {
      refuse(response, 401, 'UNAUTHORIZED');
    }
    return true;
  };
}

function demandToken(double: RegistryDouble, options: TokenServiceOptions): Misbehaviour {
  return ({ request, response, route, url }) => {
    if (url.pathname === '/token') return false;
    const action = request.method === 'GET' || request.method === 'HEAD' ? 'pull' : 'push';
    const needed = route === undefined || route.name === '' ? '' : `repository:${route.name}:${action}`;
    const [, token] = /^Bearer (.+)$/.exec(request.headers.authorization ?? '') ?? [];
    if (token !== undefined && covers(Buffer.from(token, 'base64url').toString(), needed)) return false;
    const scope = needed === '' ? '' : `,scope="${needed}"`;
    const realm = options.realm ?? `${double.url}/token`;
    response.setHeader('www-authenticate', `Bearer realm="${realm}",service="test"${scope}`);
    refuse(response, 401, 'UNAUTHORIZED');
    return true;
  };
}

function isRightful(
  { username, password, identityToken }: TokenServiceOptions,
  parameters: URLSearchParams,
  authorization: string | undefined,
): boolean {
  if (username === undefined && identityToken === undefined) return true;
  const refresh = parameters.get('refresh_token');
  if (identityToken !== undefined && refresh === identityToken) return true;
  if (parameters.get('grant_type') === 'password') {
    return parameters.get('username') === username && parameters.get('password') === password;
  }
  return authorization === `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}

function covers(tokenScopes: string, needed: string): boolean {
  if (needed === '') return true;
  const [, name, action] = needed.split(':');
  return tokenScopes.split(' ').some((scope) => {
    const [, scopeName, actions] = scope.split(':');
    return scopeName === name && actions?.split(',').includes(action ?? '') === true;
  });
}
