import { createHmac, randomBytes } from 'node:crypto';
import { ProtocolError } from '@img/spec/protocol-error';
import { parseRobotLogIn } from '../../accounts/account-names.ts';
import { isRobotToken } from '../../accounts/robot-token.ts';
import { findRobot } from '../../metadata/accounts/robots.ts';
import type { Reader } from '../../metadata/database.ts';
import { findUser } from '../../metadata/users.ts';
import { nobody, type Principal } from './access-policy.ts';
import type { LogInLimit } from './log-in-limit.ts';
import { verifyPassword } from './password-hash.ts';

export type Credentials = { readonly name: string; readonly password: string };

/** A user, or a robot whose time isn't over. */
export type Account = {
  readonly principal: Principal;
  /** What is stored of its password or token; another one as soon as that changes. */
  readonly secretHash: string;
};

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
   * Whose password or token this is; undefined if it is not, or there is no such account.
   *
   * @param address where the request came from
   * @throws ProtocolError TOOMANYREQUESTS after too many wrong ones from the address
   */
  async byPassword({ name, password }: Credentials, address: string): Promise<Account | undefined> {
    const account = await this.account(name);
    const memory = this.#memoryOf(name, password, account);
    const isRight =
      this.#isRemembered(memory) || (await this.#checkOnce(memory, { name, password }, account, address));
    return isRight ? account : undefined;
  }

  /** The user or robot with the name. */
  async account(name: string): Promise<Account | undefined> {
    const robot = parseRobotLogIn(name);
    if (robot !== undefined) return this.#robot(name, robot);
    const user = name === '' ? undefined : await findUser(this.#options.users, name);
    if (user === undefined) return undefined;
    const principal = { name: user.name, isAdministrator: user.is_administrator === 1 };
    return { principal, secretHash: user.password_hash };
  }

  /** Who has the name; somebody who has no account any more is nobody. */
  async principal(name: string): Promise<Principal> {
    return (await this.account(name))?.principal ?? nobody;
  }

  async #robot(
    name: string,
    { organisation, robot }: NonNullable<ReturnType<typeof parseRobotLogIn>>,
  ): Promise<Account | undefined> {
    const { users, clock } = this.#options;
    const found = await findRobot(users, organisation, robot);
    if (found === undefined || found.expires_at <= clock()) return undefined;
    const principal = { name, isAdministrator: false, robot: { organisation, role: found.role } };
    return { principal, secretHash: found.token_hash };
  }

  /** Clients begin with many requests at once: the same password is checked, and counted, once for all of them. */
  #checkOnce(
    memory: string,
    { name, password }: Credentials,
    account: Account | undefined,
    address: string,
  ): Promise<boolean> {
    const running = this.#checks.get(memory);
    if (running !== undefined) return running;
    const check = this.#check({ name, password }, account, address).finally(() =>
      this.#checks.delete(memory),
    );
    this.#checks.set(memory, check);
    return check.then((isRight) => {
      if (isRight) this.#remember(memory);
      return isRight;
    });
  }

  async #check(credentials: Credentials, account: Account | undefined, address: string): Promise<boolean> {
    const { limit } = this.#options;
    const waitMs = limit.take(address);
    if (waitMs > 0) throw tooManyTries(Math.ceil(waitMs / 1000));
    const verification = this.#lastCheck.then(() => isSecret(credentials, account));
    this.#lastCheck = verification.catch(() => undefined);
    const isRight = await verification;
    if (isRight) limit.giveBack(address);
    return isRight;
  }

  // Bound to the stored hash, so a changed password is forgotten at once; the password itself is not kept.
  #memoryOf(name: string, password: string, account: Account | undefined): string {
    return createHmac('sha256', this.#secret)
      .update(JSON.stringify([name, password, account?.secretHash]))
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

async function isSecret({ name, password }: Credentials, account: Account | undefined): Promise<boolean> {
  // A token is compared at once, also with none: only passwords take the same time to be refused as to be checked.
  if (parseRobotLogIn(name) !== undefined) return isRobotToken(password, account?.secretHash ?? '');
  const isRight = await verifyPassword(password, account?.secretHash ?? decoyHash);
  return isRight && account !== undefined;
}

function tooManyTries(seconds: number): ProtocolError {
  const message = `too many wrong passwords, try again in ${seconds} seconds`;
  return new ProtocolError('TOOMANYREQUESTS', message, { headers: { 'Retry-After': String(seconds) } });
}
