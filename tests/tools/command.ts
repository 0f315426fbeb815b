import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';

export type CommandResult =
  | { readonly isDone: true; readonly stdout: string }
  /** `reason` is the last thing that the command wrote to stderr. */
  | { readonly isDone: false; readonly reason: string };

/** Runs a command to its end; never throws, not even if there is no such program. */
export async function command(
  program: string,
  args: readonly string[],
  environment: NodeJS.ProcessEnv = {},
): Promise<CommandResult> {
  const child = spawn(program, args, {
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = new Promise<string | undefined>((resolve) => {
    child.on('error', (error) => resolve(error.message));
    child.on('close', (code, signal) =>
      resolve(code === 0 ? undefined : `${program} ended with ${signal ?? code}`),
    );
  });
  const [stdout, stderr, failure] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  if (failure === undefined) return { isDone: true, stdout };
  return { isDone: false, reason: stderr.trim().split('\n').at(-1) || failure };
}
