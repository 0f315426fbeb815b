import { spawnSync } from 'node:child_process';
import type { ExecutionContext } from 'ava';

/**
 * Whether a program is installed. If not, says so in the test's log; fails the test where all tools are required
 * (IMG_REQUIRE_TOOLS=1), unless the program is one that no distribution packages.
 */
export function needsTool(
  t: ExecutionContext,
  name: string,
  { isOptional = false }: { readonly isOptional?: boolean } = {},
): boolean {
  if (spawnSync('sh', ['-c', `command -v ${name}`]).status === 0) return true;
  if (process.env['IMG_REQUIRE_TOOLS'] === '1' && !isOptional) {
    t.fail(`needs ${name}, which IMG_REQUIRE_TOOLS=1 demands`);
    return false;
  }
  t.log(`not tested: needs ${name}`);
  t.pass();
  return false;
}
