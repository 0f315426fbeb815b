import { parseJson } from '@img/spec/json';
import type { RegistryHost } from '@img/spec/registry-host';
import { type ConnectionOptions, RegistryConnection, type RegistryRequest } from '../client/connection.ts';
import { readBody } from '../client/read-body.ts';
import { TransientFailure } from '../client/retry.ts';
import { accountsScope } from '../client/scope.ts';
import type { Answer, RequestBody } from '../client/transport.ts';
import { RegistryError } from '../registry-error.ts';
import {
  type AnswerOf,
  type ApiRouteId,
  anyApiRoutes,
  apiPath,
  type BodyOf,
  type ParametersOf,
} from './api-routes.ts';
import { checkSchema } from './schema.ts';

export type CallOptions = {
  /** Parameters of the query. */
  readonly query?: { readonly [name: string]: string };
  readonly signal?: AbortSignal;
};

const answerBytes = 16 * 1024 * 1024;

/** Manages the accounts of a registry of img. Close it, or bind it with `await using`. */
export class AccountsClient implements AsyncDisposable {
  readonly host: RegistryHost;
  readonly #connection: RegistryConnection;

  constructor(host: RegistryHost, options: ConnectionOptions = {}) {
    this.host = host;
    this.#connection = new RegistryConnection(host, options);
  }

  /**
   * Calls a route of the management API.
   *
   * @throws RegistryError ACCESS_DENIED, CONTENT_MISSING for names that are not there, REQUEST_REFUSED for what can't
   *   be done, ANSWER_INVALID for what is no answer of the API
   */
  async call<Id extends ApiRouteId>(
    id: Id,
    parameters: ParametersOf<Id>,
    body: BodyOf<Id>,
    { query = {}, signal }: CallOptions = {},
  ): Promise<AnswerOf<Id>> {
    const { method, summary, answer: schema } = anyApiRoutes[id];
    const what = `${summary.split(/[,;:]/, 1)[0]} on ${this.host}`;
    const search = new URLSearchParams(query).toString();
    const answer = await this.#send({
      what,
      method,
      target: apiPath(id, parameters) + (search === '' ? '' : `?${search}`),
      scopes: [accountsScope],
      ...(body === undefined
        ? {}
        : { headers: { 'content-type': 'application/json' }, body: bodyOf(JSON.stringify(body)) }),
      accept: [schema === undefined ? 204 : 200],
      // Only reading can be done twice without asking what the first time did.
      isRetried: method === 'GET',
      signal,
    });
    if (schema === undefined) {
      await answer.discard();
      return undefined as AnswerOf<Id>;
    }
    const bytes = await readBody(answer, answerBytes, what);
    try {
      const value = parseJson(bytes, { maxBytes: answerBytes });
      return checkSchema(schema, value, 'the answer', { isOpen: true }) as unknown as AnswerOf<Id>;
    } catch (cause) {
      throw new RegistryError('ANSWER_INVALID', `could not ${what}: ${(cause as Error).message}`, { cause });
    }
  }

  async #send(request: RegistryRequest): Promise<Answer> {
    try {
      return await this.#connection.request(request);
    } catch (error) {
      throw error instanceof TransientFailure ? error.error : error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#connection.close();
  }
}

function bodyOf(text: string): RequestBody {
  const bytes = Buffer.from(text);
  return {
    sizeBytes: bytes.byteLength,
    open: async function* () {
      yield bytes;
    },
  };
}
