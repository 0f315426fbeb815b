import { ProtocolError } from '@img/spec/protocol-error';

/** How soon a client with too many uploads may try again. */
const retrySeconds = 2;

/** Counts the bodies that are received from each user, so that one user never has all of a process. */
export class UploadSlots {
  readonly #most: number;
  readonly #taken = new Map<string, number>();

  constructor(most: number) {
    this.#most = most;
  }

  /**
   * Takes a slot until it is disposed of.
   *
   * @throws ProtocolError TOOMANYREQUESTS
   */
  take(user: string): Disposable {
    const taken = this.#taken.get(user) ?? 0;
    if (taken >= this.#most) {
      throw new ProtocolError('TOOMANYREQUESTS', `${user} sends ${taken} blobs already`, {
        headers: { 'Retry-After': String(retrySeconds) },
      });
    }
    this.#taken.set(user, taken + 1);
    return { [Symbol.dispose]: () => this.#giveBack(user) };
  }

  #giveBack(user: string): void {
    const left = (this.#taken.get(user) ?? 1) - 1;
    if (left === 0) this.#taken.delete(user);
    else this.#taken.set(user, left);
  }
}
