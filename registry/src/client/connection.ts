import type { RegistryHost } from '@img/spec/registry-host';
import { RegistryError } from '../registry-error.ts';
import { Authorizer } from './authorizer.ts';
import type { CredentialSource } from './credentials.ts';
import { checkDestination, type RegistryEndpoint, registryEndpoint } from './endpoint.ts';
import { refusalOf } from './refusal.ts';
import {
  defaultRetryPolicy,
  isTransientStatus,
  type RetryPolicy,
  retryAfterMs,
  TransientFailure,
  withRetries,
} from './retry.ts';
import type { Scope } from './scope.ts';
import { type Answer, type Exchange, type RequestBody, Transport } from './transport.ts';

export type ConnectionOptions = {
  /** Plain http for this machine and https for all others, if absent. */
  readonly scheme?: 'http' | 'https';
  /** Certificates in PEM that count in addition to the ones of the system. */
  readonly certificates?: string;
  /** Asked at most once, when the registry first wants to know who asks; nobody if absent. */
  readonly credentials?: CredentialSource;
  readonly retry?: Partial<RetryPolicy>;
  readonly now?: () => number;
  readonly userAgent?: string;
};

export type RegistryRequest = {
  /** What is being done, for messages: `get manifest 1.0 of 127.0.0.1:5000/com.example.app`. */
  readonly what: string;
  readonly method: Exchange['method'];
  /** A path with its query, or a URL that the registry gave. */
  readonly target: string | URL;
  readonly scopes: readonly Scope[];
  readonly headers?: { readonly [name: string]: string };
  readonly body?: RequestBody;
  /** The statuses that are handed back; every other one becomes an error. */
  readonly accept: readonly number[];
  /** Whether a failure that may pass is tried again here; true if absent. */
  readonly isRetried?: boolean;
  readonly signal?: AbortSignal | undefined;
};

type Redirected = {
  readonly answer: Answer;
  /** Whether no redirect has left the registry on the way to the answer. */
  readonly isStillHere: boolean;
};

const redirectStatuses = [301, 302, 303, 307, 308];
const maxRedirects = 5;

/** Requests to one registry: authorized, redirected and tried again as far as each may be. */
export class RegistryConnection {
  readonly endpoint: RegistryEndpoint;
  readonly retry: RetryPolicy;
  readonly #transport: Transport;
  readonly #authorizer: Authorizer;
  readonly #userAgent: string;
  readonly #now: () => number;

  constructor(host: RegistryHost, options: ConnectionOptions = {}) {
    const { scheme, certificates, credentials = nobody, userAgent = 'img/0.1.0', now = Date.now } = options;
    this.endpoint = registryEndpoint(host, scheme === undefined ? {} : { scheme });
    this.retry = { ...defaultRetryPolicy, ...options.retry };
    this.#transport = new Transport({ certificates });
    this.#authorizer = new Authorizer({
      endpoint: this.endpoint,
      transport: this.#transport,
      credentials,
      userAgent,
      now,
    });
    this.#userAgent = userAgent;
    this.#now = now;
  }

  /**
   * @throws RegistryError for every status that is not accepted and for everything that goes wrong;
   *   TransientFailure instead, if the request is not retried here and another try may help
   */
  async request(request: RegistryRequest): Promise<Answer> {
    const attempt = () => this.#attempt(request);
    return request.isRetried === false
      ? await attempt()
      : await withRetries(this.retry, request.signal, attempt);
  }

  async close(): Promise<void> {
    await this.#transport.close();
  }

  async #attempt(request: RegistryRequest): Promise<Answer> {
    const answer = await this.#authorized(request);
    if (request.accept.includes(answer.status)) return answer;
    const pauseMs = retryAfterMs(answer.header('retry-after'), this.#now());
    const refusal = await refusalOf(request.what, answer, await this.#hint(answer, pauseMs));
    throw isTransientStatus(answer.status) ? new TransientFailure(refusal, pauseMs) : refusal;
  }

  async #authorized(request: RegistryRequest): Promise<Answer> {
    let scopes = request.scopes;
    // The first refusal tells how to ask; the second may name a scope that was missing.
    for (let refusals = 0; ; refusals += 1) {
      const authorization = await this.#authorizer.header(scopes, request.signal);
      const { answer, isStillHere } = await this.#redirected(request, authorization);
      if (answer.status !== 401 || refusals === 2 || !isStillHere) return answer;
      const nextScopes = await this.#authorizer.learn(answer, scopes, authorization);
      if (nextScopes === undefined) return answer;
      await answer.discard();
      scopes = nextScopes;
    }
  }

  /** Follows redirects; the Authorization header goes to the registry itself, until a redirect leaves it. */
  async #redirected(request: RegistryRequest, authorization: string | undefined): Promise<Redirected> {
    const { what, method, headers, body, signal } = request;
    let url = new URL(request.target, this.endpoint.origin);
    if (url.origin !== this.endpoint.origin)
      checkDestination(this.endpoint, new URL(this.endpoint.origin), url);
    let isStillHere = true;
    for (let redirects = 0; ; redirects += 1) {
      // What another host sends back here is its choice, not the registry's.
      isStillHere &&= url.origin === this.endpoint.origin;
      const answer = await this.#transport.send({
        what,
        method,
        url,
        headers: {
          'user-agent': this.#userAgent,
          'accept-encoding': 'identity',
          ...headers,
          ...(isStillHere && authorization !== undefined ? { authorization } : {}),
        },
        body,
        signal,
      });
      const location = answer.header('location');
      if (!redirectStatuses.includes(answer.status) || location === undefined) return { answer, isStillHere };
      await answer.discard();
      if (redirects === maxRedirects) {
        throw new RegistryError(
          'REDIRECT_LOOP',
          `could not ${what}: redirected more than ${maxRedirects} times, last to ${url.origin}`,
        );
      }
      url = this.#redirectTarget(request, url, location);
    }
  }

  #redirectTarget({ what, method }: RegistryRequest, from: URL, location: string): URL {
    const to = URL.parse(location, from.href);
    if (to === null) {
      throw new RegistryError('ANSWER_INVALID', `could not ${what}: redirected to something that is no URL`);
    }
    checkDestination(this.endpoint, from, to);
    // What is written belongs into the registry that it was meant for.
    if (method !== 'GET' && method !== 'HEAD' && to.origin !== from.origin) {
      throw new RegistryError(
        'REDIRECT_REFUSED',
        `could not ${what}: a write was redirected to ${to.origin}`,
      );
    }
    return to;
  }

  async #hint({ status }: Answer, pauseMs: number | undefined): Promise<string | undefined> {
    if (pauseMs !== undefined) return `the registry asks to wait for ${Math.ceil(pauseMs / 1000)} s`;
    if (status !== 401 && status !== 403) return undefined;
    const login = `img login ${this.endpoint.host}`;
    return (await this.#authorizer.hasCredentials())
      ? `The credentials for ${this.endpoint.host} don't allow this; log in as somebody else with: ${login}`
      : `log in with: ${login}`;
  }
}

async function nobody(): Promise<undefined> {
  return undefined;
}
