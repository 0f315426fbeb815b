import { ProtocolError } from '@img/spec/protocol-error';
import type { Authentication } from './auth/authenticator.ts';
import { DebtLimit } from './http/debt-limit.ts';
import { networkOf } from './http/network-of.ts';
import type { ServerLimits } from './server-limits.ts';

export type RequestLimitOptions = {
  /** Milliseconds since 1970. */
  readonly clock: () => number;
  readonly limits: Pick<ServerLimits, 'requestsPerSecond' | 'requestsAtOnce'>;
};

/** Lets each user, and each address of those who are no user, ask so often and no more. */
export class RequestLimit {
  readonly #limit: DebtLimit | undefined;

  constructor({ clock, limits: { requestsPerSecond, requestsAtOnce } }: RequestLimitOptions) {
    if (requestsPerSecond > 0) {
      this.#limit = new DebtLimit({ clock, burst: requestsAtOnce, refillMs: 1000 / requestsPerSecond });
    }
  }

  /** @throws ProtocolError TOOMANYREQUESTS, with how long to wait */
  take(caller: Authentication, address: string): void {
    if (this.#limit === undefined) return;
    const user = caller === 'none' || caller === 'invalid' ? '' : caller.name;
    const waitMs = this.#limit.take(user === '' ? `address ${networkOf(address)}` : `user ${user}`);
    if (waitMs === 0) return;
    throw new ProtocolError('TOOMANYREQUESTS', 'these are more requests than one user may send', {
      headers: { 'Retry-After': String(Math.ceil(waitMs / 1000)) },
    });
  }
}
