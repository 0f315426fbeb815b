import { isatty } from 'node:tty';
import type { RunOptions } from '../config/run-options.ts';
import { RuntimeError } from '../runtime-error.ts';

/**
 * Checks what only the calling process can have: the rights, and a terminal if one is asked for.
 *
 * @param isDetached whether the app runs on without its caller, and has a terminal that is not that of the caller
 * @throws RuntimeError ROOT_REQUIRED, TERMINAL_REQUIRED
 */
export function checkCaller({ hasTerminal = false }: RunOptions, isDetached = false): void {
  if (process.geteuid?.() !== 0) {
    throw new RuntimeError('ROOT_REQUIRED', 'only root can do this, also root of a user namespace', {
      hint: 'try again with sudo, which has a store of its own',
    });
  }
  if (hasTerminal && !isDetached && !(isatty(0) && isatty(1))) {
    throw new RuntimeError('TERMINAL_REQUIRED', 'a terminal was asked for, but input or output is none', {
      hint: 'leave --tty out in scripts and pipes',
    });
  }
}
