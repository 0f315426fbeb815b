import { closeSync, openSync } from 'node:fs';
import module from 'node:module';
import type { RunOptions } from '../config/run-options.ts';
import { resetForExec } from '../linux/reset-for-exec.ts';
import { RuntimeError } from '../runtime-error.ts';
import type { ChosenRuntime } from './choose-runtime.ts';

/**
 * Puts a runtime in the place of this process. It has the caller's input only if the app is to read it. Does not
 * return.
 *
 * @param kept descriptors that the runtime has open as long as it runs; the app has none of them
 * @throws RuntimeError HOST_UNSUPPORTED
 */
export function executeRuntime(
  { name, path }: Pick<ChosenRuntime, 'name' | 'path'>,
  args: readonly string[],
  { isInteractive = false, hasTerminal = false }: Pick<RunOptions, 'isInteractive' | 'hasTerminal'>,
  kept: readonly number[] = [],
): never {
  if (!isInteractive && !hasTerminal) {
    // The lowest free number is given, so this becomes the standard input.
    closeSync(0);
    openSync('/dev/null', 'r');
  }
  // What is left to do when this process ends, which it never does: compiled code is written then, if its caller keeps
  // that.
  process.emit('exit', 0);
  module.flushCompileCache();
  resetForExec(kept);
  const term = process.env['TERM'];
  process.execve?.(path, [name, ...args], {
    PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    ...(term === undefined ? {} : { TERM: term }),
  });
  throw new RuntimeError('HOST_UNSUPPORTED', 'this Node has no process.execve', {
    hint: 'use Node 24 or later',
  });
}
