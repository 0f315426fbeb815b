import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import type { ExecutionContext } from 'ava';
import { type Instance, programPath } from './run-img.ts';

/** What `img serve --json` prints as soon as it serves. */
export type ServeResult = {
  readonly url: string;
  readonly host: string;
  readonly metricsUrl?: string;
  readonly administrator: { readonly name: string; readonly newPassword?: string };
  /** Their process ids. */
  readonly workers?: readonly number[];
};

export type ServeProcess = {
  readonly child: ChildProcess;
  readonly served: ServeResult;
  /**
   * Resolves when stderr has the pattern, now or later.
   *
   * @throws Error if it ends without
   */
  readonly said: (pattern: RegExp) => Promise<RegExpExecArray>;
};

/** Starts `img serve` on a free port and waits until it says where. It ends with the test at the latest. */
export async function startServe(
  t: ExecutionContext,
  { variables, folder }: Pick<Instance, 'variables' | 'folder'>,
  ...words: readonly string[]
): Promise<ServeProcess> {
  const child = spawn(
    process.execPath,
    [programPath, 'serve', '--listen', '127.0.0.1:0', '--json', ...words],
    {
      env: variables,
      cwd: folder,
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  const isClosed = once(child, 'close');
  t.teardown(async () => {
    // The folder is removed next, in which neither it nor a worker must make anything any more.
    child.kill('SIGKILL');
    await isClosed;
  });
  const said = listenTo(child.stderr);
  let stdout = '';
  for await (const piece of child.stdout.setEncoding('utf8').iterator({ destroyOnReturn: false })) {
    stdout += piece;
    if (stdout.endsWith('}\n')) break;
  }
  // Nothing else comes, and its end is waited for.
  child.stdout.resume();
  return { child, served: JSON.parse(stdout) as ServeResult, said };
}

/** Sends a signal and resolves to the exit code. */
export async function stopServe(child: ChildProcess, signal: NodeJS.Signals): Promise<unknown> {
  const exited = once(child, 'exit');
  child.kill(signal);
  return (await exited)[0];
}

function listenTo(stream: Readable): ServeProcess['said'] {
  let text = '';
  let isOver = false;
  let changed = Promise.withResolvers<void>();
  const tell = () => {
    changed.resolve();
    changed = Promise.withResolvers();
  };
  stream.setEncoding('utf8').on('data', (piece: string) => {
    text += piece;
    tell();
  });
  stream.on('close', () => {
    isOver = true;
    tell();
  });
  return async (pattern) => {
    for (;;) {
      const match = pattern.exec(text);
      if (match !== null) return match;
      if (isOver) throw new Error(`it has ended and not said ${pattern}, but: ${text}`);
      await changed.promise;
    }
  };
}
