import { existsSync } from 'node:fs';
import type { ExecutionContext } from 'ava';
import { findProgram } from '../linux/find-program.ts';

/**
 * Whether a test that needs root can run. If not, says so in the test's log, or fails it where all tools are
 * required (IMG_REQUIRE_TOOLS=1).
 */
export function needsRoot(t: ExecutionContext): boolean {
  return isMet(t, process.geteuid?.() === 0, 'needs root');
}

/** Whether a program is installed; like {@link needsRoot}. */
export function needsTool(t: ExecutionContext, name: string): boolean {
  return isMet(t, findTool(name) !== undefined, `needs ${name}`);
}

/** Whether a file is there that a package brings; like {@link needsRoot}. */
export function needsFile(t: ExecutionContext, path: string, debianPackage: string): boolean {
  return isMet(t, existsSync(path), `needs ${path} (Debian package ${debianPackage})`);
}

/** Where a program is on this machine. */
export function findTool(name: string): string | undefined {
  return findProgram(name, process.env['PATH']);
}

function isMet(t: ExecutionContext, condition: boolean, need: string): boolean {
  if (condition) return true;
  if (process.env['IMG_REQUIRE_TOOLS'] === '1') t.fail(`${need}, which IMG_REQUIRE_TOOLS=1 demands`);
  else {
    t.log(`not tested: ${need}`);
    t.pass();
  }
  return false;
}
