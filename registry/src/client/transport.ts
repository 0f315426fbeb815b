import { Readable } from 'node:stream';
import { getCACertificates } from 'node:tls';
import { quote } from '@img/spec/quote';
import type { Agent, Dispatcher } from 'undici';
import { RegistryError } from '../registry-error.ts';
import { TransientFailure } from './retry.ts';

/** A body that can be sent more than once. */
export type RequestBody = {
  readonly sizeBytes: number;
  open(): AsyncIterable<Uint8Array>;
};

/** One HTTP request and nothing around it. */
export type Exchange = {
  /** What is being done, for messages: `get manifest 1.0 of 127.0.0.1:5000/com.example.app`. */
  readonly what: string;
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE';
  readonly url: URL;
  readonly headers: { readonly [name: string]: string };
  readonly body?: RequestBody | undefined;
  readonly signal?: AbortSignal | undefined;
};

/** The answer to a request. Whoever gets one reads its body or discards it. */
export type Answer = {
  readonly status: number;
  readonly url: URL;
  /** The value of a header; several are joined by commas. @param name lower case */
  header(name: string): string | undefined;
  /** Throws a {@link TransientFailure} if the connection breaks. */
  readonly body: AsyncIterable<Uint8Array>;
  discard(): Promise<void>;
};

export type TransportOptions = {
  /** Certificates in PEM that count in addition to the ones of the system. */
  readonly certificates?: string | undefined;
};

/** Connections to one registry and to where it redirects, kept alive between requests. */
export class Transport {
  readonly #options: TransportOptions;
  #opened: Promise<Agent> | undefined;
  #isClosed = false;
  /** Origins. */
  readonly #answered = new Set<string>();

  constructor(options: TransportOptions = {}) {
    this.#options = options;
  }

  /**
   * @throws TransientFailure where trying again may help, RegistryError REGISTRY_UNREACHABLE where not,
   *   the reason of the signal, and what the body throws
   */
  async send(exchange: Exchange): Promise<Answer> {
    const { what, method, url, headers, body, signal } = exchange;
    const sent = body === undefined ? undefined : watched(body.open());
    try {
      // Nobody would close what a request opened that was on its way here.
      if (this.#isClosed) throw new Error('the connections are closed');
      this.#opened ??= openAgent(this.#options);
      const agent = await this.#opened;
      const answer = await agent.request({
        origin: url.origin,
        path: url.pathname + url.search,
        method,
        headers: { ...headers, ...(body === undefined ? {} : { 'content-length': String(body.sizeBytes) }) },
        body: sent === undefined ? null : Readable.from(sent.chunks, { objectMode: false }),
        highWaterMark: 256 * 1024,
        // Otherwise the connection ends with each HEAD, for servers that send a body with the answer to one.
        reset: false,
        ...(signal === undefined ? {} : { signal }),
      });
      this.#answered.add(url.origin);
      return answerOf(answer, exchange);
    } catch (error) {
      signal?.throwIfAborted();
      if (sent?.failure !== undefined) throw sent.failure.error;
      const failure = failureOf(error, what, url);
      // A server that has answered is being started again; where none ever did, the address may be wrong.
      const isAway = codeOf(error) === 'ECONNREFUSED' && this.#answered.has(url.origin);
      throw isAway ? new TransientFailure(failure) : failure;
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await (await this.#opened)?.destroy();
  }
}

/** Loads the library with the first request: many commands that may ask a registry need not. */
async function openAgent({ certificates }: TransportOptions): Promise<Agent> {
  const { Agent } = await import('undici');
  return new Agent({
    connections: 16,
    allowH2: false,
    // Longer than a pause between two commands of one transfer, shorter than what servers wait.
    keepAliveTimeout: 4000,
    connect: {
      timeout: 15_000,
      ...(certificates === undefined ? {} : { ca: [...getCACertificates('default'), certificates] }),
    },
  });
}

type Watched = {
  readonly chunks: AsyncGenerator<Uint8Array>;
  failure: { readonly error: unknown } | undefined;
};

/** Remembers what the body itself threw, so that it isn't taken for a failure of the connection. */
function watched(source: AsyncIterable<Uint8Array>): Watched {
  const watch: Watched = { chunks: pass(), failure: undefined };
  async function* pass(): AsyncGenerator<Uint8Array> {
    try {
      yield* source;
    } catch (error) {
      watch.failure = { error };
      throw error;
    }
  }
  return watch;
}

function answerOf(answer: Dispatcher.ResponseData, { what, url, signal }: Exchange): Answer {
  async function* body(): AsyncGenerator<Uint8Array> {
    try {
      yield* answer.body;
    } catch (error) {
      signal?.throwIfAborted();
      throw failureOf(error, what, url);
    }
  }
  return {
    status: answer.statusCode,
    url,
    header(name) {
      const value = answer.headers[name];
      return Array.isArray(value) ? value.join(', ') : value;
    },
    body: body(),
    async discard() {
      // Small rests are read, so that the connection can be used again; long ones are cut off.
      await answer.body.dump({ limit: 128 * 1024 }).catch(() => undefined);
    },
  };
}

// System errors and undici's that another try may not meet.
const transientCodes: ReadonlySet<string> = new Set([
  'EAI_AGAIN',
  'ECONNABORTED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'UND_ERR_BODY_TIMEOUT',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_RES_CONTENT_LENGTH_MISMATCH',
  'UND_ERR_SOCKET',
]);

function failureOf(error: unknown, what: string, url: URL): Error {
  const code = codeOf(error);
  const reason = error instanceof Error && error.message !== '' ? error.message : code;
  const isMalformed =
    (error instanceof Error && error.name === 'HTTPParserError') || code === 'UND_ERR_HEADERS_OVERFLOW';
  const failure = new RegistryError(
    isMalformed ? 'ANSWER_INVALID' : 'REGISTRY_UNREACHABLE',
    `could not ${what}: ${isMalformed ? 'no valid HTTP answer' : 'no answer'} from ${url.origin}: ${quote(reason)}`,
    { cause: error, ...hintFor(code, url) },
  );
  return transientCodes.has(code) ? new TransientFailure(failure) : failure;
}

function hintFor(code: string, url: URL): { readonly hint?: string } {
  if (code === 'ECONNREFUSED') return { hint: `nothing listens at ${url.host}; is the registry started?` };
  if (code === 'ENOTFOUND') return { hint: `there is no host ${quote(url.hostname)}; is the name right?` };
  if (code === 'ERR_SSL_WRONG_VERSION_NUMBER' || code === 'ERR_SSL_PACKET_LENGTH_TOO_LONG') {
    return {
      hint: `${url.host} seems to speak plain http; to allow that, name it http://${url.host} in an alias of config.yaml`,
    };
  }
  if (/CERT|SELF_SIGNED|UNABLE_TO_VERIFY/.test(code)) {
    return {
      hint: `the certificate of ${url.host} can't be verified; name that of its authority in NODE_EXTRA_CA_CERTS`,
    };
  }
  return {};
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}
