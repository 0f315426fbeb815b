import { once } from 'node:events';
import type { MetricFamilies } from '@img/registry/server/metrics/merge-families';
import type { Session } from '../../command.ts';
import { usualAdministrator } from '../serve-options.ts';
import { startServed } from '../start-served.ts';
import type { FromWorker, ServeOrder, ToWorker } from './messages.ts';

/**
 * Serves as one of several workers, until the supervisor or a signal says to stop. It ends at once, whatever is under
 * way, when the supervisor is gone: node:cluster sees to that.
 */
export async function serveAsWorker(session: Session): Promise<void> {
  const { promise: told, resolve: tellOrder } = Promise.withResolvers<ServeOrder | undefined>();
  const stop = new AbortController();
  let families: () => Promise<MetricFamilies> = () => Promise.resolve([]);
  process.on('message', (message: ToWorker) => {
    if (message.kind === 'serve') tellOrder(message);
    else if (message.kind === 'families') void answer(message.id, families);
    else {
      tellOrder(undefined);
      stop.abort();
    }
  });
  tell({ kind: 'awake' });
  const order = await told;
  if (order === undefined) return;
  const { options, worker, isFirst } = order;
  const { metrics: _, ...served } = options;
  await using registry = await startServed(session, served, {
    worker,
    ...(isFirst ? {} : { administrator: { name: options.admin ?? usualAdministrator } }),
  });
  families = registry.families;
  tell({ kind: 'ready', facts: registry.facts });
  const stopped = AbortSignal.any([session.signal, stop.signal]);
  if (!stopped.aborted) await once(stopped, 'abort');
}

async function answer(id: number, families: () => Promise<MetricFamilies>): Promise<void> {
  tell({ kind: 'families', id, families: await families().catch(() => undefined) });
}

/** Without the supervisor nobody needs to be told, and this process is about to end. */
function tell(message: FromWorker): void {
  process.send?.(message, undefined, undefined, () => undefined);
}
