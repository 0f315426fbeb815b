import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { type Instance, programPath, type RunOptions, type RunResult } from '@img/cli/testing/run-img';
import type { ExecutionContext } from 'ava';

/** The same folders with other settings: another person on the same machine, or another machine. */
export function withVariables(instance: Instance, variables: { readonly [name: string]: string }): Instance {
  return {
    folder: instance.folder,
    variables: { ...instance.variables, ...variables },
    run: (words, options = {}) =>
      instance.run(words, { ...options, variables: { ...variables, ...options.variables } }),
  };
}

export type SpawnOptions = {
  /** A program that starts img, with its arguments. */
  readonly wrapper?: readonly string[];
  /** Whether stdin stays open; the command finds it at its end otherwise. */
  readonly keepsInput?: boolean;
};

/** A running command, which is killed if the test ends before it. */
export type StartedImg = {
  readonly child: ChildProcessWithoutNullStreams;
  /** Resolves when it has ended and everything that it printed is read. */
  readonly ended: Promise<RunResult & { readonly signal: NodeJS.Signals | null }>;
};

/** Starts the real command and does not wait for it. */
export function startImg(
  t: ExecutionContext,
  { folder, variables }: Instance,
  words: readonly string[],
  { wrapper = [], keepsInput = false }: SpawnOptions = {},
): StartedImg {
  const [program = '', ...args] = [...wrapper, process.execPath, programPath, ...words];
  const child = spawn(program, args, { cwd: folder, env: variables });
  if (!keepsInput) child.stdin.end();
  t.teardown(async () => {
    const isOver = child.exitCode !== null || child.signalCode !== null;
    if (!isOver && child.kill('SIGKILL')) await once(child, 'exit');
  });
  const closed = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>;
  const ended = Promise.all([text(child.stdout), text(child.stderr), closed]).then(
    ([stdout, stderr, [code, signal]]) => ({ code, signal, stdout, stderr }),
  );
  return { child, ended };
}

/** How a command with `--json` failed. */
export type Refusal = {
  readonly code: number | null;
  readonly error:
    | {
        readonly code: string;
        /** Of an image that is not trusted. */
        readonly reason?: string;
        readonly message: string;
        readonly hint?: string;
      }
    | undefined;
  /** What people read. */
  readonly stderr: string;
};

/** Runs a command with `--json` and reads its refusal; `error` is undefined if it did not fail. */
export async function runForRefusal(
  { run }: Pick<Instance, 'run'>,
  [verb = '', ...words]: readonly string[],
  options: RunOptions = {},
): Promise<Refusal> {
  const { code, stdout, stderr } = await run([verb, '--json', ...words], options);
  const document: unknown = code === 0 || stdout === '' ? undefined : JSON.parse(stdout);
  return { code, error: (document as Pick<Refusal, 'error'> | undefined)?.error, stderr };
}
