import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';

/** A command line, with what it needs in its environment. */
export type Command = {
  readonly line: readonly string[];
  readonly variables?: { readonly [name: string]: string };
};

/**
 * Runs a command to its end and returns how long that took from start to exit, in milliseconds of wall time.
 * Throws with what it wrote to stderr if it fails: a figure of a command that failed is none.
 */
export async function timeCommand(command: Command): Promise<number> {
  const startedAt = performance.now();
  await runCommand(command);
  return performance.now() - startedAt;
}

/** Runs a command to its end and returns what it printed; throws if it fails. */
export async function runCommand({ line, variables = {} }: Command): Promise<string> {
  const [program = '', ...words] = line;
  const child = spawn(program, words, {
    env: { ...process.env, ...variables },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.on('error', reject).on('close', resolve);
  });
  const [stdout, stderr, code] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  if (code !== 0) throw new Error(`${line.join(' ')} ended with ${code}:\n${stderr}`);
  return stdout;
}
