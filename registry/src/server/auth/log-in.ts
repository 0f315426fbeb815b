import { createHmac, randomBytes } from 'node:crypto';
import { ProtocolError } from '@img/spec/protocol-error';
import type { Reader } from '../../metadata/database.ts';
import { findUser, type User } from '../../metadata/users.ts';
import { nobody, type Principal } from './access-policy.ts';
import type { LogInLimit } from './log-in-limit.ts';
import { verifyPassword } from './password-hash.ts';

export type Credentials = { readonly name: string; readonly password: string };

export type LogInOptions = {
  readonly users: Reader;
  readonly limit: LogInLimit;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
};

/** A right password is remembered this long, so that clients which send it each time don't cost a hash each time. */
const rememberedMs = 60_000;
const mostRemembered = 1000;

// Compared with when there is no such user, so that the answer takes as long as with one. Of no known password.
const decoyHash =
  '$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA';

/** Checks passwords, one at a time: hashing them takes 19 MiB of memory each. */
export class LogIn {
  readonly #options: LogInOptions;
  readonly #secret = randomBytes(32);
  readonly #remembered = new Map<string, number>();
  readonly #checks = new Map<string, Promise<boolean>>();
  #lastCheck: Promise<unknown> = Promise.resolve();

  constructor(options: LogInOptions) {
    this.#options = options;
  }

  /**
   * The user whose password this is; undefined if it is not, or there is no such user.
   *
   * @param address where the request came from
   * @throws ProtocolError TOOMANYREQUESTS after too many wrong ones from the address
   */
  async byPassword({ name, password }: Credentials, address: string): Promise<User | undefined> {
    const user = await findUser(this.#options.users, name);
    const memory = this.#memoryOf(name, password, user);
    const isRight = this.#isRemembered(memory) || (await this.#checkOnce(memory, password, user, address));
    return isRight ? user : undefined;
  }

  /** The user with the name. */
  async user(name: string): Promise<User | undefined> {
    return name === '' ? undefined : findUser(this.#options.users, name);
  }

  /** Who has the name; somebody who is no user any more is nobody. */
  async principal(name: string): Promise<Principal> {
    const user = await this.user(name);
    return user === undefined ? nobody : principalOf(user);
  }

  /** Clients begin with many requests at once: the same password is checked, and counted, once for all of them. */
  #checkOnce(memory: string, password: string, user: User | undefined, address: string): Promise<boolean> {
    const running = this.#checks.get(memory);
    if (running !== undefined) return running;
    const check = this.#check(password, user, address).finally(() => this.#checks.delete(memory));
    this.#checks.set(memory, check);
    return check.then((isRight) => {
      if (isRight) this.#remember(memory);
      return isRight;
    });
  }

  async #check(password: string, user: User | undefined, address: string): Promise<boolean> {
    const { limit } = this.#options;
    const waitMs = limit.take(address);
    if (waitMs > 0) throw tooManyTries(Math.ceil(waitMs / 1000));
    const hash = user?.password_hash ?? decoyHash;
    const verification = this.#lastCheck.then(() => verifyPassword(password, hash));
    this.#lastCheck = verification.catch(() => undefined);
    const isRight = (await verification) && user !== undefined;
    if (isRight) limit.giveBack(address);
    return isRight;
  }

  // Bound to the stored hash, so a changed password is forgotten at once; the password itself is not kept.
  #memoryOf(name: string, password: string, user: User | undefined): string {
    return createHmac('sha256', this.#secret)
      .update(JSON.stringify([name, password, user?.password_hash]))
      .digest('base64');
  }

  #isRemembered(memory: string): boolean {
    const until = this.#remembered.get(memory);
    return until !== undefined && until > this.#options.clock();
  }

  #remember(memory: string): void {
    this.#remembered.delete(memory);
    this.#remembered.set(memory, this.#options.clock() + rememberedMs);
    if (this.#remembered.size > mostRemembered) {
      this.#remembered.delete(this.#remembered.keys().next().value as string);
    }
  }
}

export function principalOf(user: User): Principal {
  return { name: user.name, isAdministrator: user.is_administrator === 1 };
}

function tooManyTries(seconds: number): ProtocolError {
  const message = `too many wrong passwords, try again in ${seconds} seconds`;
  return new ProtocolError('TOOMANYREQUESTS', message, { headers: { 'Retry-After': String(seconds) } });
}
