import { findProgram } from '../linux/find-program.ts';
import { RuntimeError } from '../runtime-error.ts';
import type { RuntimeName } from '../state/container-record.ts';

/**
 * Where the runtime is that runs a container.
 *
 * @throws RuntimeError RUNTIME_MISSING
 */
export function findRuntime(name: RuntimeName): string {
  const path = findProgram(name, process.env['PATH']);
  if (path !== undefined) return path;
  throw new RuntimeError('RUNTIME_MISSING', `${name} is not installed`, {
    hint: `install it, on Debian with: apt-get install ${name}`,
  });
}
