import type { ContainerRecord } from './container-record.ts';
import { killControlGroup, readControlGroups } from './control-groups.ts';
import { isFirstRunning, readFirstProcess } from './first-process.ts';
import { killProcesses } from './kill-processes.ts';

/**
 * Ends every process of a container, but what only watches it.
 *
 * @param record undefined if there is none
 * @param runtimeRoot where its runtime keeps its own state
 * @throws RuntimeError CONTAINER_STUCK; the reason of the signal
 */
export async function killContainer(
  id: string,
  record: ContainerRecord | undefined,
  runtimeRoot: string,
  options: { readonly signal?: AbortSignal } = {},
): Promise<void> {
  await killControlGroup(readControlGroups(), `img-${id}`, options);
  if (record?.isUngrouped !== true) return;
  const first = readFirstProcess(runtimeRoot, record.runtime, id);
  if (first === undefined) return;
  // With it end all others in its process namespace.
  await killProcesses(() => (isFirstRunning(first, record.supervisor) ? [first.pid] : []), options);
}
