import type { RepositoryName } from '@img/spec/repository-name';
import type { RepositoryAction } from '@img/spec/routes';
import type { AccessPolicy, Principal } from './access-policy.ts';
import { parseBasic } from './basic-credentials.ts';
import type { LogIn } from './log-in.ts';
import type { AccessClaims, TokenIssuer } from './token-issuer.ts';

/** Whoever sent a request, with the rights that its credentials carry. */
export type Caller = {
  /** The user's name; empty for nobody in particular. */
  readonly name: string;
  allows(repository: RepositoryName, action: RepositoryAction): Promise<boolean>;
  allowsCatalog(): boolean;
  /** Whether the credentials are good for the management API; what it allows depends on the principal. */
  allowsAccounts(): boolean;
  /** Who it is, with the rights beyond these credentials. */
  principal(): Promise<Principal>;
};

/** `none` without credentials, `invalid` with wrong ones. */
export type Authentication = Caller | 'none' | 'invalid';

export type AuthenticatorOptions = {
  readonly logIn: LogIn;
  readonly issuer: TokenIssuer;
  readonly policy: AccessPolicy;
  readonly clock: () => number;
};

/** Tokens whose signature was checked are remembered, because clients use one for a hundred requests. */
const mostRemembered = 2000;

/**
 * Reads the Authorization header: a token of ours, or name and password directly, for simple clients and scripts
 * that don't speak the token protocol.
 */
export class Authenticator {
  readonly #options: AuthenticatorOptions;
  readonly #remembered = new Map<string, AccessClaims>();

  constructor(options: AuthenticatorOptions) {
    this.#options = options;
  }

  /**
   * @param address where the request came from
   * @throws ProtocolError TOOMANYREQUESTS
   */
  async authenticate(authorization: string, address: string): Promise<Authentication> {
    if (authorization === '') return 'none';
    const bearer = /^bearer +([\w.~+/=-]+) *$/i.exec(authorization)?.[1];
    if (bearer !== undefined) return this.#byToken(bearer);
    const credentials = parseBasic(authorization);
    if (credentials === undefined) return 'invalid';
    const account = await this.#options.logIn.byPassword(credentials, address);
    return account === undefined ? 'invalid' : this.#byPolicy(account.principal);
  }

  async #byToken(token: string): Promise<Authentication> {
    const { issuer, clock, logIn } = this.#options;
    const claims = this.#remembered.get(token) ?? (await issuer.readAccess(token));
    if (claims === undefined || claims.expiresAt <= clock()) {
      this.#remembered.delete(token);
      return 'invalid';
    }
    this.#remember(token, claims);
    const { subject, grants } = claims;
    return {
      name: subject,
      allows: async (repository, action) =>
        grants.some((grant) => {
          return grant.type === 'repository' && grant.name === repository && grant.actions.includes(action);
        }),
      allowsCatalog: () => grants.some(({ type, name }) => type === 'registry' && name === 'catalog'),
      allowsAccounts: () => grants.some(({ type, name }) => type === 'registry' && name === 'accounts'),
      principal: () => logIn.principal(subject),
    };
  }

  #byPolicy(principal: Principal): Caller {
    const { policy } = this.#options;
    return {
      name: principal.name,
      allows: (repository, action) => policy.allows(principal, repository, action),
      allowsCatalog: () => policy.allowsCatalog(principal),
      allowsAccounts: () => principal.name !== '',
      principal: async () => principal,
    };
  }

  // A map keeps the order of insertion: the token used longest ago is forgotten first.
  #remember(token: string, claims: AccessClaims): void {
    this.#remembered.delete(token);
    this.#remembered.set(token, claims);
    if (this.#remembered.size > mostRemembered) {
      this.#remembered.delete(this.#remembered.keys().next().value as string);
    }
  }
}
