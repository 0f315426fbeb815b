import { closeSync, openSync } from 'node:fs';
import module from 'node:module';
import type { RunOptions } from '../config/run-options.ts';
import { canKeepOwners, hasFileStream, keepStreamOwners } from '../linux/keep-owners.ts';
import { resetForExec } from '../linux/reset-for-exec.ts';
import { RuntimeError } from '../runtime-error.ts';

/**
 * Whether {@link executeRuntime} adds a filter of system calls, for the files that are the app's standard streams. runc
 * gives the app pipes in place of them.
 */
export function filtersOwners(
  name: string,
  { isInteractive = false, hasTerminal = false }: Pick<RunOptions, 'isInteractive' | 'hasTerminal'>,
): boolean {
  return name === 'crun' && canKeepOwners && hasFileStream(isInteractive || hasTerminal ? [0, 1, 2] : [1, 2]);
}

/**
 * Puts a runtime in the place of this process. It has the caller's input only if the app is to read it. Does not
 * return.
 *
 * @param kept descriptors that the runtime has open as long as it runs; the app has none of them
 * @param variables that it has besides the usual ones
 * @throws RuntimeError HOST_UNSUPPORTED
 */
export function executeRuntime(
  { name, path }: { readonly name: string; readonly path: string },
  args: readonly string[],
  { isInteractive = false, hasTerminal = false }: Pick<RunOptions, 'isInteractive' | 'hasTerminal'>,
  kept: readonly number[] = [],
  variables: { readonly [name: string]: string } = {},
): never {
  const isFiltered = filtersOwners(name, { isInteractive, hasTerminal });
  if (!isInteractive && !hasTerminal) {
    // The lowest free number is given, so this becomes the standard input.
    closeSync(0);
    openSync('/dev/null', 'r');
  }
  if (isFiltered) keepStreamOwners();
  // What is left to do when this process ends, which it never does: compiled code is written then, if its caller keeps
  // that.
  process.emit('exit', 0);
  module.flushCompileCache();
  resetForExec(kept);
  const term = process.env['TERM'];
  process.execve?.(path, [name, ...args], {
    PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    ...(term === undefined ? {} : { TERM: term }),
    ...variables,
  });
  throw new RuntimeError('HOST_UNSUPPORTED', 'this Node has no process.execve', {
    hint: 'use Node 24 or later',
  });
}
