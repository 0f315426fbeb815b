import { once } from 'node:events';
import { join, resolve } from 'node:path';
import { createLog } from '@img/registry/server/create-log';
import type { ListeningServer } from '@img/registry/server/listen';
import { serveMetrics } from '@img/registry/server/metrics/serve-metrics';
import { defaultLimits } from '@img/registry/server/server-limits';
import type { Session } from '../../command.ts';
import { openLog } from '../open-log.ts';
import type { ServeOptions } from '../serve-options.ts';
import type { ServedFacts } from '../start-served.ts';
import { stopping } from '../stopping.ts';
import { WorkerPool } from './worker-pool.ts';

/**
 * Serves with several processes, which this one only looks after: it replaces those that end, tells what all of
 * them have counted, and stops them when it is told to.
 *
 * @param tell what there is to say as soon as they serve
 * @throws CliError WORKER_ENDED, USAGE; ServerError ADDRESS_IN_USE, ADDRESS_UNUSABLE for the metrics
 */
export async function serveWithWorkers(
  session: Session,
  options: ServeOptions,
  {
    count,
    tell,
  }: { readonly count: number; readonly tell: (facts: ServedFacts, pids: readonly number[]) => void },
): Promise<void> {
  const { config, environment, output, signal, setExitCode } = session;
  await using lines = options.log === undefined ? undefined : await openLog(options.log, output);
  const log = createLog(lines);
  // As it is now, whatever the configuration says when a worker is replaced.
  const data = resolve(environment.workingFolder, options.data ?? join(config.rootFolder, 'registry'));
  const pool = new WorkerPool({
    options: { ...options, data },
    count,
    onEnded: ({ number, pid }, reason, waitMs) => {
      const later = waitMs === 0 ? '' : `; as others did shortly before, its place stays empty for a while`;
      output.warn(`worker ${number} (process ${pid}) has ended ${reason}${later}`);
      log.error({ worker: number, ended: pid, reason, waitMs }, 'a worker has ended');
    },
    onReplaced: ({ number, pid }, { url }) => {
      // Any free port is another one when all had ended at once.
      output.story(`worker ${number} is process ${pid} now, at ${url}`);
      log.info({ worker: number, started: pid }, 'a worker has taken its place');
    },
  });
  const stop = () => void pool.stop();
  signal.addEventListener('abort', stop);
  let metricsServer: ListeningServer | undefined;
  try {
    const facts = await pool.start();
    if (facts === undefined) {
      setExitCode(pool.exitCode);
      return;
    }
    if (options.metrics !== undefined) metricsServer = await serveFamilies(pool, options.metrics);
    const metricsUrl = metricsServer && `${metricsServer.url}/metrics`;
    tell({ ...facts, metricsUrl }, pool.pids);
    if (!signal.aborted) await once(signal, 'abort');
    output.story(stopping);
  } finally {
    await pool.stop();
    await metricsServer?.close();
  }
}

async function serveFamilies(
  pool: WorkerPool,
  address: NonNullable<ServeOptions['metrics']>,
): Promise<ListeningServer> {
  const { mergeFamilies } = await import('@img/registry/server/metrics/merge-families');
  const read = async () => {
    const all = await pool.families();
    if (all.length === 0) throw new Error('no worker says what it has counted');
    return mergeFamilies(all);
  };
  return serveMetrics(read, address, defaultLimits);
}
