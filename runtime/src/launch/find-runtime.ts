import { findProgram } from '../linux/find-program.ts';
import { RuntimeError } from '../runtime-error.ts';
import type { RuntimeName } from '../state/container-record.ts';

/** What the program of a runtime is called, and the package of Debian that has it. */
export const runtimePrograms: {
  readonly [name in RuntimeName]: { readonly program: string; readonly debianPackage: string };
} = {
  crun: { program: 'crun', debianPackage: 'crun' },
  runc: { program: 'runc', debianPackage: 'runc' },
  nspawn: { program: 'systemd-nspawn', debianPackage: 'systemd-container' },
};

/**
 * Where the runtime is that runs a container.
 *
 * @throws RuntimeError RUNTIME_MISSING
 */
export function findRuntime(name: RuntimeName): string {
  const { program, debianPackage } = runtimePrograms[name];
  const path = findProgram(program, process.env['PATH']);
  if (path !== undefined) return path;
  throw new RuntimeError('RUNTIME_MISSING', `${program} is not installed`, {
    hint: `install it, on Debian with: apt-get install ${debianPackage}`,
  });
}
