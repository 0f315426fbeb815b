import type { Readable } from 'node:stream';
import { Client } from 'undici';

export type RequestOptions = {
  readonly headers?: { readonly [name: string]: string };
  readonly body?: Uint8Array | string | Readable;
};

export type Answer = {
  readonly status: number;
  /** Names in lower case; several values are joined with a comma. */
  readonly headers: { readonly [name: string]: string };
  readonly bytes: Buffer;
  readonly text: string;
  /** The body as JSON. */
  readonly json: unknown;
  /** The code of the first error in the body. */
  readonly code: string | undefined;
};

/** Sends requests as they are written, also wrong ones, and reads the answers whole. */
export class TestClient {
  readonly #client: Client;
  readonly #authorization: string | undefined;

  constructor(url: string, authorization?: string) {
    this.#client = new Client(url, { bodyTimeout: 0, headersTimeout: 0 });
    this.#authorization = authorization;
  }

  async send(method: string, path: string, { headers = {}, body }: RequestOptions = {}): Promise<Answer> {
    const authorization = this.#authorization === undefined ? {} : { authorization: this.#authorization };
    const response = await this.#client.request({
      method,
      path,
      // Otherwise it makes a new connection after each HEAD.
      reset: false,
      headers: { ...authorization, ...headers },
      ...(body === undefined ? {} : { body }),
    });
    const bytes = Buffer.from(await response.body.arrayBuffer());
    return {
      status: response.statusCode,
      headers: Object.fromEntries(
        Object.entries(response.headers).map(([name, value]) => [name, [value].flat().join(', ')]),
      ),
      bytes,
      // Most of what is large is not read as text.
      get text() {
        return bytes.toString();
      },
      get json() {
        return JSON.parse(bytes.toString()) as unknown;
      },
      get code() {
        return (JSON.parse(bytes.toString()) as { errors?: readonly { code: string }[] }).errors?.[0]?.code;
      },
    };
  }

  async close(): Promise<void> {
    await this.#client.destroy();
  }
}
