import type { NamePrefix } from '@img/spec/name-prefix';
import { quote } from '@img/spec/quote';
import type { RegistryHost } from '@img/spec/registry-host';
import type { RepositoryName } from '@img/spec/repository-name';
import type { Credentials } from '../../client/credentials.ts';
import { RegistryClient } from '../../client/registry-client.ts';
import type { RegistryRepository } from '../../client/registry-repository.ts';
import type { RetryPolicy } from '../../client/retry.ts';
import type { NameRange } from '../../metadata/cache/copies.ts';
import { ServerError } from '../server-error.ts';

/** Names of this registry that are copies of what another registry has. */
export type UpstreamOptions = {
  /** `hub/`: what is `hub/library/debian` here is `library/debian` there; `*`: all names are the same there. */
  readonly names: NamePrefix;
  readonly registry: RegistryHost;
  /** Plain http for this machine and https for all others, if absent. */
  readonly scheme?: 'http' | 'https';
  /** Certificates in PEM that count in addition to the ones of the system. */
  readonly certificates?: string;
  /** Who this registry is there; nobody if absent. */
  readonly credentials?: Credentials;
  /** How long a tag is taken to mean what it meant when the upstream was asked last. */
  readonly freshMs?: number;
  /** What nobody has pulled for this long goes; it stays if absent. */
  readonly keepMs?: number;
  /** How much the images here may need; those that were pulled longest ago go. Any size if absent. */
  readonly keepBytes?: number;
};

const usualFreshMs = 10 * 60 * 1000;

/** A rate limit and a server that is away are met at once: what is here is served without more waiting. */
const retry: Partial<RetryPolicy> = { attempts: 3, firstPauseMs: 200, longestPauseMs: 1000 };

/** A registry that names of this one are copies of. */
export class Upstream {
  readonly names: NamePrefix;
  readonly registry: RegistryHost;
  readonly freshMs: number;
  readonly keepMs: number | undefined;
  readonly keepBytes: number | undefined;
  readonly #client: RegistryClient;
  #pausedUntil = 0;

  /** @throws ServerError OPTION_INVALID */
  constructor(options: UpstreamOptions) {
    const { names, registry, scheme, certificates, credentials, freshMs = usualFreshMs } = options;
    if (names !== '*' && !names.endsWith('/')) {
      throw new ServerError(
        'OPTION_INVALID',
        `names of copies should begin with a part such as hub/, not ${quote(names)}`,
      );
    }
    this.names = names;
    this.registry = registry;
    this.freshMs = freshMs;
    this.keepMs = options.keepMs;
    this.keepBytes = options.keepBytes;
    this.#client = new RegistryClient(registry, {
      retry,
      ...(scheme === undefined ? {} : { scheme }),
      ...(certificates === undefined ? {} : { certificates }),
      ...(credentials === undefined ? {} : { credentials: async () => credentials }),
    });
  }

  /** The repository there of which a name here is the copy. */
  repository(name: RepositoryName): RegistryRepository {
    const there = this.names === '*' ? name : (name.slice(this.names.length) as RepositoryName);
    return this.#client.repository(there, 'pull');
  }

  /** The name here of what is called so there. */
  nameOf(there: RepositoryName): RepositoryName {
    return this.names === '*' ? there : (`${this.names}${there}` as RepositoryName);
  }

  /** The names of copies, as a database compares them. */
  get range(): NameRange {
    // Names have no character above "z"; "0" follows "/".
    return this.names === '*'
      ? { from: '', below: '~' }
      : { from: this.names, below: `${this.names.slice(0, -1)}0` };
  }

  /** Whether it has just failed, so that it isn't asked about what is here. */
  isPaused(now: number): boolean {
    return now < this.#pausedUntil;
  }

  pauseUntil(time: number): void {
    this.#pausedUntil = time;
  }

  async close(): Promise<void> {
    await this.#client.close();
  }
}
