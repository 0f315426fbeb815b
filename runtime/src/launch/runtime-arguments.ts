import type { RuntimeName } from '../state/container-record.ts';
import type { RunState } from '../state/run-state.ts';

/** What a runtime is told before the verb, whatever that is. */
export function runtimeArguments(state: RunState, runtime: RuntimeName): readonly string[] {
  const managers = runtime === 'crun' ? ['--cgroup-manager=cgroupfs'] : [];
  return [...managers, '--root', state.runtimeRoot(runtime)];
}
