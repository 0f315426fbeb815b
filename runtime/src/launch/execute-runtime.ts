import { closeSync, openSync } from 'node:fs';
import module from 'node:module';
import type { RunOptions } from '../config/run-options.ts';
import { canKeepOwners, keepStreamOwners, sharedStreams } from '../linux/keep-owners.ts';
import { resetForExec } from '../linux/reset-for-exec.ts';
import { RuntimeError } from '../runtime-error.ts';

/**
 * The standard streams whose owners {@link executeRuntime} keeps from the runtime, by a filter of system calls if there
 * are any. crun alone takes them: runc gives an app pipes in place of files, and leaves /dev/null alone.
 */
export function keptStreams(
  name: string,
  { isInteractive = false, hasTerminal = false }: Pick<RunOptions, 'isInteractive' | 'hasTerminal'>,
): readonly number[] {
  if (name !== 'crun' || !canKeepOwners) return [];
  // An input that the app is not to read will be /dev/null.
  return isInteractive || hasTerminal ? sharedStreams([0, 1, 2]) : [0, ...sharedStreams([1, 2])];
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
  const streams = keptStreams(name, { isInteractive, hasTerminal });
  if (!isInteractive && !hasTerminal) {
    // The lowest free number is given, so this becomes the standard input.
    closeSync(0);
    openSync('/dev/null', 'r');
  }
  if (streams.length > 0) keepStreamOwners(streams);
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
