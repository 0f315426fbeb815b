import { parseNamePrefix } from '@img/spec/name-prefix';
import type { ExecutionContext } from 'ava';
import type { RegistryDouble } from '../../../testing/registry-double.ts';
import { startDouble } from '../../../testing/start-double.ts';
import type { RegistryOptions } from '../../registry-options.ts';
import { startTestRegistry, type TestRegistry } from '../../testing/test-registry.ts';
import type { UpstreamOptions } from '../upstream.ts';

export type CacheStage = TestRegistry & {
  readonly upstream: RegistryDouble;
  /** Moves the registry's clock. */
  pass(milliseconds: number): void;
  /** Resolves when a line of the log has the text, which may be there already. */
  logged(text: string): Promise<void>;
};

/** A registry whose names below `hub/` are copies of what a double has. */
export async function startCache(
  t: ExecutionContext,
  {
    upstream: options = {},
    ...registry
  }: { upstream?: Partial<UpstreamOptions> } & Partial<RegistryOptions> = {},
): Promise<CacheStage> {
  const upstream = await startDouble(t);
  let ahead = 0;
  const log = new Log();
  const started = await startTestRegistry(t, {
    clock: () => Date.now() + ahead,
    log,
    upstreams: [{ names: parseNamePrefix('hub/'), registry: upstream.host, ...options }],
    ...registry,
    // An upstream that answers late, on a busy machine, must not become one that fails.
    limits: { upstreamMs: 3_600_000, ...registry.limits },
  });
  const pass = (milliseconds: number) => {
    ahead += milliseconds;
  };
  return { ...started, upstream, pass, logged: (text) => log.wait(text) };
}

class Log {
  readonly #lines: string[] = [];
  readonly #waiting: { readonly text: string; readonly resolve: () => void }[] = [];

  write(line: string): void {
    this.#lines.push(line);
    for (const { text, resolve } of this.#waiting) if (line.includes(text)) resolve();
  }

  async wait(text: string): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.push({ text, resolve });
    if (this.#lines.some((line) => line.includes(text))) resolve();
    await promise;
  }
}
