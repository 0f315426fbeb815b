import { type Tile, tilePath } from '@img/sign/log/tile';
import { maxProofBytes } from '@img/sign/log/tlog-proof';
import { parseJson } from '@img/spec/json';
import { JsonFields } from '@img/spec/json-fields';
import type { RegistryHost } from '@img/spec/registry-host';
import type { RepositoryName } from '@img/spec/repository-name';
import type { OrganisationName } from '../accounts/account-names.ts';
import { type ConnectionOptions, RegistryConnection, type RegistryRequest } from '../client/connection.ts';
import { readBody } from '../client/read-body.ts';
import { TransientFailure } from '../client/retry.ts';
import { accountsScope, repositoryScope } from '../client/scope.ts';
import { RegistryError } from '../registry-error.ts';
import type { ContentOptions } from '../transfer/content.ts';
import type { LogReader } from './follow-log.ts';
import {
  type LogDocument,
  logDocumentFrom,
  logDocumentPath,
  logPath,
  type WitnessAddress,
} from './log-document.ts';

/** What of a log can be set; what is absent stays. */
export type LogSettings = {
  readonly visibility?: LogDocument['visibility'];
  readonly witnesses?: readonly WitnessAddress[];
};

const documentBytes = 256 * 1024;
// 256 entries of 65,535 bytes, each behind its length.
const tileBytes = 17 * 1024 * 1024;

/** Reads and adds to the transparency logs of a registry of img. Close it, or bind it with `await using`. */
export class LogClient implements AsyncDisposable {
  readonly host: RegistryHost;
  readonly #connection: RegistryConnection;

  constructor(host: RegistryHost, options: ConnectionOptions = {}) {
    this.host = host;
    this.#connection = new RegistryConnection(host, options);
  }

  /**
   * The log that a repository or an organisation has; undefined if it has none that the caller may read, also because
   * the registry is another one than of img.
   */
  async find(name: RepositoryName, { signal }: ContentOptions = {}): Promise<LogDocument | undefined> {
    try {
      return await this.#describe('GET', name, undefined, signal);
    } catch (error) {
      // Registries of others answer whatever they like to what they don't know.
      const isOther = error instanceof RegistryError && otherAnswers.includes(error.code);
      if (isOther) return undefined;
      throw error;
    }
  }

  /** Makes the log of an organisation, or sets something of it. @throws RegistryError ACCESS_DENIED and others */
  async setUp(
    organisation: OrganisationName,
    settings: LogSettings,
    { signal }: ContentOptions = {},
  ): Promise<LogDocument> {
    return await this.#describe('PUT', organisation, settings, signal);
  }

  /** Adds a bundle with a statement about a repository. Returns its proof, unverified. */
  async add(
    { namespace }: Pick<LogDocument, 'namespace'>,
    repository: RepositoryName,
    bundle: Uint8Array,
    { signal }: ContentOptions = {},
  ): Promise<string> {
    const bytes = await this.#read(
      {
        what: `log a signature on ${this.host}`,
        method: 'POST',
        target: logPath(namespace, 'entries'),
        scopes: [repositoryScope(repository, ['pull', 'push'])],
        headers: { 'content-type': 'application/octet-stream' },
        body: bodyOf(bundle),
        accept: [200],
        signal,
      },
      maxProofBytes,
    );
    return new TextDecoder().decode(bytes);
  }

  /** The log of an organisation, to read. */
  reader({ namespace }: Pick<LogDocument, 'namespace'>): LogReader {
    const get = async (rest: string, maxBytes: number, { signal }: ContentOptions) => {
      const what = `get ${rest} of the log of ${namespace} on ${this.host}`;
      const target = logPath(namespace, rest);
      const request = {
        what,
        method: 'GET',
        target,
        scopes: [accountsScope],
        accept: [200],
        signal,
      } as const;
      return await this.#read(request, maxBytes);
    };
    return {
      name: `${this.host}${logPath(namespace, '').replace(/\/$/, '')}`,
      checkpoint: async (options = {}) =>
        new TextDecoder().decode(await get('checkpoint', maxProofBytes, options)),
      tile: async (tile: Tile, options = {}) => await get(tilePath(tile), tileBytes, options),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#connection.close();
  }

  async #describe(
    method: 'GET' | 'PUT',
    name: RepositoryName,
    body: LogSettings | undefined,
    signal: AbortSignal | undefined,
  ): Promise<LogDocument> {
    const what = `${method === 'GET' ? 'find' : 'set up'} the log of ${name} on ${this.host}`;
    const sent = body && {
      headers: { 'content-type': 'application/json' },
      body: bodyOf(Buffer.from(JSON.stringify(body))),
    };
    const target = logDocumentPath(name);
    const bytes = await this.#read(
      { what, method, target, scopes: [accountsScope], accept: [200], signal, ...sent },
      documentBytes,
    );
    try {
      const value = parseJson(bytes, { maxBytes: documentBytes });
      return logDocumentFrom(new JsonFields(value, 'the answer', 'JSON_INVALID'));
    } catch (cause) {
      throw new RegistryError('ANSWER_INVALID', `could not ${what}: ${(cause as Error).message}`, { cause });
    }
  }

  // Everything here can be done twice: an entry that is there already is not added again.
  async #read(request: RegistryRequest, maxBytes: number): Promise<Uint8Array> {
    try {
      return await readBody(await this.#connection.request(request), maxBytes, request.what);
    } catch (error) {
      throw error instanceof TransientFailure ? error.error : error;
    }
  }
}

const otherAnswers: readonly string[] = [
  'ACCESS_DENIED',
  'ANSWER_INVALID',
  'ANSWER_TOO_LONG',
  'CONTENT_MISSING',
  'LINK_REFUSED',
  'REDIRECT_LOOP',
  'REDIRECT_REFUSED',
  'REGISTRY_FAILED',
  'REQUEST_REFUSED',
  'TOKEN_REFUSED',
];

function bodyOf(bytes: Uint8Array) {
  return {
    sizeBytes: bytes.byteLength,
    open: async function* () {
      yield bytes;
    },
  };
}
