import { coversName, type NamePrefix } from '@img/spec/name-prefix';
import type { RepositoryName } from '@img/spec/repository-name';
import { ServerError } from '../server-error.ts';
import { SharedWork } from './shared-work.ts';
import { Upstream, type UpstreamOptions } from './upstream.ts';

export type PullThroughCacheOptions = {
  readonly upstreams: readonly UpstreamOptions[];
  /** Where blobs are on their way from an upstream to the storage. */
  readonly folder: string;
};

/** The registries that this one copies as their content is asked for, and what is under way from them. */
export class PullThroughCache {
  readonly upstreams: readonly Upstream[];
  readonly folder: string;
  /** What several clients wait for is asked once. */
  readonly shared = new SharedWork();
  readonly #closing = new AbortController();
  readonly #background = new Set<Promise<unknown>>();
  #timer: NodeJS.Timeout | undefined;

  /** @throws ServerError OPTION_INVALID where a name would be the copy of two */
  constructor({ upstreams, folder }: PullThroughCacheOptions) {
    this.upstreams = upstreams.map((options) => new Upstream(options));
    this.folder = folder;
    checkNames(this.upstreams.map(({ names }) => names));
  }

  /** Aborts when the registry closes. */
  get signal(): AbortSignal {
    return this.#closing.signal;
  }

  /** The upstream of which a name is the copy; undefined where it is the registry's own. */
  find(name: RepositoryName): Upstream | undefined {
    return this.upstreams.find(({ names }) => coversName(names, name));
  }

  /** Begins to do something again and again, if there is anything to copy. */
  repeat(work: () => Promise<void>, everyMs: number): void {
    if (this.upstreams.length === 0) return;
    const once = () => void this.shared.run('again and again', () => this.inBackground(work));
    this.#timer = setInterval(once, everyMs).unref();
    once();
  }

  /** Does what no client waits for, until the registry closes; the work reports its failures itself. */
  async inBackground(work: () => Promise<void>): Promise<void> {
    if (this.signal.aborted) return;
    const running = work().finally(() => this.#background.delete(running));
    this.#background.add(running);
    await running;
  }

  /** Breaks off what is under way. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#closing.abort(new Error('the registry closes'));
    while (this.#background.size > 0) await Promise.all(this.#background);
    await Promise.all(this.upstreams.map((upstream) => upstream.close()));
  }
}

function checkNames(all: readonly NamePrefix[]): void {
  for (const [index, names] of all.entries()) {
    const other = all.find((prefix, at) => at !== index && (prefix === '*' || names.startsWith(prefix)));
    if (other === undefined) continue;
    throw new ServerError(
      'OPTION_INVALID',
      `names below ${names} would be copies of two registries, by ${other} too`,
    );
  }
}
