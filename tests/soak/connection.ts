import { type Answer, type RequestOptions, TestClient } from '@img/registry/server/testing/test-client';
import { admin, basic } from '@img/registry/server/testing/test-registry';

/** The process was killed, or lost what it needed; what was asked may have been done or not. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
}

/** Answers that say that it may work another time. */
const passing: readonly number[] = [429, 503];

/** One client's connection to whichever process it tries next. */
export class Connection {
  readonly #urls: () => readonly string[];
  readonly #clients = new Map<string, TestClient>();

  constructor(urls: () => readonly string[]) {
    this.#urls = urls;
  }

  /**
   * @param dice from 0 to 1, says which of the processes is asked
   * @throws Interrupted; Error for an answer that is none of the expected
   */
  async send(
    dice: number,
    expected: readonly number[],
    method: string,
    path: string,
    options: RequestOptions = {},
  ): Promise<Answer> {
    const urls = this.#urls();
    const url = urls[Math.floor(dice * urls.length)] as string;
    let client = this.#clients.get(url);
    if (client === undefined) {
      client = new TestClient(url, basic(admin.name, admin.password));
      this.#clients.set(url, client);
    }
    const answer = await client.send(method, path, options).catch((cause: unknown) => {
      throw new Interrupted('without an answer', { cause });
    });
    if (expected.includes(answer.status)) return answer;
    if (passing.includes(answer.status)) throw new Interrupted(`answered ${answer.status}`);
    throw new Error(`${method} ${path} was answered ${answer.status} ${answer.text}`);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#clients.values()].map((client) => client.close()));
    this.#clients.clear();
  }
}
