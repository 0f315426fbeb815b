import { type SpawnSyncOptions, spawnSync } from 'node:child_process';
import type { ExecutionContext } from 'ava';

/**
 * Whether a program that a test compares with is there. If not, says so in the test's output, or fails where
 * IMG_REQUIRE_TOOLS=1 says that nothing may be left out.
 */
export function hasTool(t: ExecutionContext, program: string): boolean {
  if (spawnSync('sh', ['-c', `command -v -- "$0"`, program]).status === 0) return true;
  if (process.env['IMG_REQUIRE_TOOLS'] === '1') t.fail(`${program} is missing`);
  else t.pass();
  t.log(`left out: ${program} is not installed`);
  return false;
}

/** Runs a program to its end and returns what it printed; throws with its messages if it fails. */
export function runTool(program: string, args: readonly string[], options: SpawnSyncOptions = {}): string {
  const result = spawnSync(program, args, { maxBuffer: 256 * 1024 * 1024, ...options });
  if (result.status !== 0) {
    throw new Error(`${program} ${args.join(' ')}: ${result.error?.message ?? String(result.stderr)}`);
  }
  return result.stdout.toString();
}
