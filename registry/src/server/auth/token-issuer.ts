import { createHash, randomUUID } from 'node:crypto';
import { type JWTPayload, jwtVerify, SignJWT } from 'jose';
import type { Grant } from './scope.ts';
import type { TokenKey } from './token-key.ts';

/** How long an access token is good for. They can't be taken back, so it is short; clients renew them unasked. */
export const accessTokenSeconds = 300;

/** How long a refresh token is good for; a new password ends it earlier. */
export const refreshTokenSeconds = 90 * 24 * 60 * 60;

/** What an access token says. */
export type AccessClaims = {
  /** The user's name; empty for nobody. */
  readonly subject: string;
  readonly grants: readonly Grant[];
  /** Milliseconds since 1970. */
  readonly expiresAt: number;
};

export type TokenIssuerOptions = {
  readonly key: TokenKey;
  /** The registry's name as issuer and audience. */
  readonly service: string;
  readonly clock: () => number;
};

// Two kinds of token under one key: neither may stand for the other (RFC 8725 section 3.12).
const accessType = 'at+jwt';
const refreshType = 'rt+jwt';

/** Gives out and reads the tokens of this registry: JWTs signed with Ed25519. */
export class TokenIssuer {
  readonly service: string;
  readonly #key: TokenKey;
  readonly #clock: () => number;

  constructor({ key, service, clock }: TokenIssuerOptions) {
    this.service = service;
    this.#key = key;
    this.#clock = clock;
  }

  /** @returns the token, and when it was issued */
  async issueAccess(
    subject: string,
    grants: readonly Grant[],
  ): Promise<{ readonly token: string; readonly issuedAt: Date }> {
    const issuedAt = this.#now();
    const token = await this.#sign(
      { access: grants },
      { subject, type: accessType, issuedAt, seconds: accessTokenSeconds },
    );
    return { token, issuedAt };
  }

  /** A token that stands for the user's password until the password changes. */
  async issueRefresh(subject: string, passwordHash: string): Promise<string> {
    return this.#sign(
      { pwd: fingerprint(passwordHash) },
      { subject, type: refreshType, issuedAt: this.#now(), seconds: refreshTokenSeconds },
    );
  }

  /** What a valid access token says; undefined for any other text. */
  async readAccess(token: string): Promise<AccessClaims | undefined> {
    const payload = await this.#verify(token, accessType);
    if (payload?.sub === undefined || payload.exp === undefined) return undefined;
    return {
      subject: payload.sub,
      grants: payload['access'] as readonly Grant[],
      expiresAt: payload.exp * 1000,
    };
  }

  /** Whose a valid refresh token is, and a check that the password is still the same. */
  async readRefresh(
    token: string,
  ): Promise<{ readonly subject: string; isFor(passwordHash: string): boolean } | undefined> {
    const payload = await this.#verify(token, refreshType);
    if (payload?.sub === undefined) return undefined;
    const { sub: subject, pwd } = payload;
    return { subject, isFor: (passwordHash) => pwd === fingerprint(passwordHash) };
  }

  async #sign(
    claims: JWTPayload,
    about: {
      readonly subject: string;
      readonly type: string;
      readonly issuedAt: Date;
      readonly seconds: number;
    },
  ): Promise<string> {
    const issuedAt = Math.floor(about.issuedAt.getTime() / 1000);
    return new SignJWT(claims)
      .setProtectedHeader({ alg: 'EdDSA', typ: about.type })
      .setIssuer(this.service)
      .setAudience(this.service)
      .setSubject(about.subject)
      .setIssuedAt(issuedAt)
      .setNotBefore(issuedAt)
      .setExpirationTime(issuedAt + about.seconds)
      .setJti(randomUUID())
      .sign(this.#key.privateKey);
  }

  async #verify(token: string, typ: string): Promise<JWTPayload | undefined> {
    try {
      const { payload } = await jwtVerify(token, this.#key.publicKey, {
        algorithms: ['EdDSA'],
        issuer: this.service,
        audience: this.service,
        typ,
        currentDate: this.#now(),
        requiredClaims: ['sub', 'exp'],
      });
      return payload;
    } catch {
      // Whatever is wrong with a token, its bearer has to get a new one.
      return undefined;
    }
  }

  #now(): Date {
    return new Date(this.#clock());
  }
}

function fingerprint(passwordHash: string): string {
  return createHash('sha256').update(passwordHash).digest('base64url').slice(0, 22);
}
