import { quote } from '@img/spec/quote';
import { RegistryError } from '../registry-error.ts';
import { parseChallenges } from './challenge.ts';
import type { CredentialSource, Credentials } from './credentials.ts';
import type { RegistryEndpoint } from './endpoint.ts';
import type { Scope } from './scope.ts';
import { basicAuthorization, requestToken, type Token, type TokenService } from './token.ts';
import type { Answer, Transport } from './transport.ts';

export type AuthorizerOptions = {
  readonly endpoint: RegistryEndpoint;
  readonly transport: Transport;
  readonly credentials: CredentialSource;
  readonly userAgent: string;
  readonly now: () => number;
};

type Scheme = { readonly kind: 'basic' } | { readonly kind: 'bearer'; readonly service: TokenService };

// A process that reads many repositories would otherwise keep the tokens of all of them.
const mostTokens = 500;

// A token that is about to expire would be refused by the time that it arrives.
const marginMs = 10_000;

/**
 * Answers the challenges of one registry. It remembers how the registry wants to be asked and the tokens that
 * it got, so that only the very first request is refused once.
 */
export class Authorizer {
  readonly #options: AuthorizerOptions;
  #scheme: Scheme | undefined;
  #credentials: Promise<Credentials | undefined> | undefined;
  readonly #tokens = new Map<string, Promise<Token>>();

  constructor(options: AuthorizerOptions) {
    this.#options = options;
  }

  /** The Authorization header for a request that needs the scopes; undefined if none is known to be needed. */
  async header(scopes: readonly Scope[], signal?: AbortSignal): Promise<string | undefined> {
    if (this.#scheme === undefined) return undefined;
    const credentials = await this.#credentialsOnce();
    if (credentials?.kind === 'registry token') return `Bearer ${credentials.token}`;
    if (this.#scheme.kind === 'bearer') {
      return `Bearer ${(await this.#token(this.#scheme.service, scopes, credentials, signal)).value}`;
    }
    if (credentials?.kind !== 'password') return undefined;
    return basicAuthorization(credentials.username, credentials.password);
  }

  /**
   * Learns from an answer with status 401 of the registry itself.
   *
   * @param used the header that was refused; a token in it is not used again
   * @returns the scopes to ask with once more; undefined if asking again would change nothing
   */
  async learn(
    answer: Answer,
    scopes: readonly Scope[],
    used: string | undefined,
  ): Promise<readonly Scope[] | undefined> {
    const challenges = parseChallenges(answer.header('www-authenticate') ?? '');
    const bearer = challenges.find(({ scheme }) => scheme === 'bearer');
    const realm = bearer?.parameters.get('realm');
    if (bearer !== undefined && realm !== undefined) {
      const url = URL.parse(realm);
      if (url === null) {
        throw new RegistryError(
          'TOKEN_REFUSED',
          `registry ${this.#options.endpoint.host} names ${quote(realm)} as its token service, which is no URL`,
        );
      }
      this.#scheme = { kind: 'bearer', service: { realm: url, service: bearer.parameters.get('service') } };
      const wanted = mergedScopes(scopes, bearer.parameters.get('scope'));
      await this.#forget(wanted, used);
      return wanted;
    }
    if (!challenges.some(({ scheme }) => scheme === 'basic')) return undefined;
    this.#scheme = { kind: 'basic' };
    return (await this.#credentialsOnce()) === undefined ? undefined : scopes;
  }

  async hasCredentials(): Promise<boolean> {
    return (await this.#credentialsOnce()) !== undefined;
  }

  /** Looked up only when a registry asks, because a helper program may ask its user. */
  #credentialsOnce(): Promise<Credentials | undefined> {
    const { credentials, endpoint } = this.#options;
    this.#credentials ??= credentials(endpoint.host);
    return this.#credentials;
  }

  /** Other requests may have a newer token by now, which stays. */
  async #forget(scopes: readonly Scope[], used: string | undefined): Promise<void> {
    const key = keyOf(scopes);
    const token = await this.#tokens.get(key);
    if (token !== undefined && used === `Bearer ${token.value}`) this.#tokens.delete(key);
  }

  async #token(
    service: TokenService,
    scopes: readonly Scope[],
    credentials: Credentials | undefined,
    signal: AbortSignal | undefined,
  ): Promise<Token> {
    const key = keyOf(scopes);
    const known = await this.#tokens.get(key);
    if (known !== undefined && known.expiresAtMs - marginMs > this.#options.now()) return known;
    const requested = requestToken({ ...this.#options, service, scopes, credentials, signal });
    this.#tokens.delete(key);
    this.#tokens.set(key, requested);
    const [oldest] = this.#tokens.keys();
    if (this.#tokens.size > mostTokens && oldest !== undefined) this.#tokens.delete(oldest);
    try {
      return await requested;
    } catch (error) {
      this.#tokens.delete(key);
      throw error;
    }
  }
}

function keyOf(scopes: readonly Scope[]): string {
  return scopes.toSorted().join(' ');
}

/** The scopes that a request needs and the ones that the registry says it needs. */
function mergedScopes(scopes: readonly Scope[], challenged: string | undefined): readonly Scope[] {
  const said = (challenged ?? '').split(' ').filter((scope) => scope !== '' && !covers(scopes, scope));
  return [...scopes, ...said.slice(0, 8)];
}

function covers(scopes: readonly Scope[], wanted: Scope): boolean {
  const [resource, actions] = splitScope(wanted);
  return scopes.some((scope) => {
    const [otherResource, otherActions] = splitScope(scope);
    return resource === otherResource && actions.every((action) => otherActions.includes(action));
  });
}

function splitScope(scope: Scope): [resource: string, actions: readonly string[]] {
  const colon = scope.lastIndexOf(':');
  return [scope.slice(0, colon), scope.slice(colon + 1).split(',')];
}
