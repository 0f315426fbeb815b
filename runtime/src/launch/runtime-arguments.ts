import type { RuntimeName } from '../state/container-record.ts';
import type { RunState } from '../state/run-state.ts';

export type RuntimeArgumentOptions = {
  /** Whether the container stays in the control group of this process, which is that of a unit of systemd. */
  readonly isInUnit?: boolean;
};

/** What a runtime of the OCI is told before the verb, whatever that is. */
export function runtimeArguments(
  state: RunState,
  runtime: RuntimeName,
  { isInUnit = false }: RuntimeArgumentOptions = {},
): readonly string[] {
  const managers = runtime === 'crun' ? [`--cgroup-manager=${isInUnit ? 'disabled' : 'cgroupfs'}`] : [];
  return [...managers, '--root', state.runtimeRoot(runtime)];
}
