import { parseHealthCheck } from '../apps/health-check.ts';
import type { ContainerRecord } from '../state/container-record.ts';
import type { RunState } from '../state/run-state.ts';
import { waitUntilHealthy } from '../units/wait-until-healthy.ts';
import { stopContainer } from './stop-container.ts';

/**
 * Waits until a container that was just started is healthy, and ends it if that does not come about.
 *
 * @throws RuntimeError APP_UNHEALTHY; the reason of the signal
 */
export async function endUnhealthy(
  state: RunState,
  record: ContainerRecord,
  { check, timeoutMs }: { readonly check: string; readonly timeoutMs: number },
  signal?: AbortSignal,
): Promise<void> {
  const { id, name, detached } = record;
  const hint =
    detached === 'kept'
      ? `img logs ${name ?? id} shows what it wrote`
      : 'start it without --rm to keep what it writes';
  const find = () => state.list().find((container) => container.id === id);
  const container = find() ?? { ...record, pid: undefined };
  try {
    const patience = signal === undefined ? {} : { signal };
    await waitUntilHealthy(state, container, parseHealthCheck(check), { timeoutMs, hint, ...patience });
  } catch (error) {
    const left = find();
    if (left !== undefined) await stopContainer(state, left);
    throw error;
  }
}
