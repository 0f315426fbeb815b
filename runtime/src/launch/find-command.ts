import { constants } from 'node:fs';
import { join } from 'node:path';
import { quote } from '@img/spec/quote';
import { environmentValue } from '../config/environment.ts';
import { isAtOrBelow } from '../config/inside-path.ts';
import { RuntimeError } from '../runtime-error.ts';
import { resolveInside } from './inside-root.ts';

/**
 * Checks that the image has the program that shall run, for a runtime says so late and in its own words. Programs that
 * may be in a folder mounted over the image are left to the runtime.
 *
 * @param root the image's tree
 * @param covered what is mounted over it
 * @throws RuntimeError COMMAND_NOT_FOUND
 */
export function checkCommand(
  root: string,
  process: { readonly args: readonly string[]; readonly env: readonly string[]; readonly cwd: string },
  covered: readonly string[],
): void {
  const program = process.args[0] ?? '';
  const candidates = program.includes('/')
    ? [program.startsWith('/') ? program : join(process.cwd, program)]
    : (environmentValue(process.env, 'PATH') ?? '').split(':').map((folder) => join('/', folder, program));
  const found = candidates.map((path) => look(root, path, covered));
  if (found.includes('program') || found.includes('covered')) return;
  throw new RuntimeError(
    'COMMAND_NOT_FOUND',
    found.includes('other')
      ? `${quote(program)} in the image is no program: it is a folder or lacks the permission to be run`
      : `the image has no program ${quote(program)}${program.includes('/') ? '' : ` in ${quote(candidates.map((path) => path.slice(0, path.lastIndexOf('/')) || '/').join(':'))}`}`,
    { hint: 'name another one after the reference, or see what the image has with: img inspect REF' },
  );
}

function look(
  root: string,
  path: string,
  covered: readonly string[],
): 'program' | 'other' | 'covered' | 'none' {
  try {
    const { path: inside, stat } = resolveInside(root, path);
    if (covered.some((folder) => isAtOrBelow(inside, folder))) return 'covered';
    if (stat === undefined) return 'none';
    const executable = constants.S_IXUSR | constants.S_IXGRP | constants.S_IXOTH;
    return stat.isFile() && (stat.mode & executable) !== 0 ? 'program' : 'other';
  } catch (error) {
    // A path through something that is no folder, or in circles.
    if (error instanceof RuntimeError) return 'none';
    throw error;
  }
}
