import type { ChildProcess } from 'node:child_process';
import { watch } from 'node:fs';
import type { RegistryDouble } from '@img/registry/testing/registry-double';
import type { ExecutionContext } from 'ava';

/** Kills a process, in a way that it can't notice, when it sends its n-th request; which is then never answered. */
export function killAtRequest(double: RegistryDouble, child: ChildProcess, n: number): void {
  let requests = 0;
  double.misbehave(({ response }) => {
    requests += 1;
    if (requests !== n) return false;
    child.kill('SIGKILL');
    response.destroy();
    return true;
  });
}

/** Kills a process when the n-th change is made to what is in a folder, or shortly after. */
export function killAtChange(
  t: ExecutionContext,
  folder: string,
  child: ChildProcess,
  n: number,
  signal: NodeJS.Signals = 'SIGKILL',
): void {
  let changes = 0;
  const watcher = watch(folder, { recursive: true }, () => {
    changes += 1;
    if (changes === n) child.kill(signal);
  });
  t.teardown(() => watcher.close());
  child.once('exit', () => watcher.close());
}
