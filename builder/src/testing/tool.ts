import { type SpawnSyncOptions, spawnSync } from 'node:child_process';

/** Runs a program to its end and returns what it printed; throws with its messages if it fails. */
export function runTool(program: string, args: readonly string[], options: SpawnSyncOptions = {}): string {
  const result = spawnSync(program, args, { maxBuffer: 256 * 1024 * 1024, ...options });
  if (result.status !== 0) {
    throw new Error(`${program} ${args.join(' ')}: ${result.error?.message ?? String(result.stderr)}`);
  }
  return result.stdout.toString();
}
