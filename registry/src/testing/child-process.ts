import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { ExecutionContext } from 'ava';

/** A process of its own that runs a module, as another command of the same user would. */
export type Child = {
  readonly process: ChildProcess;
  /** Resolves when the process has printed the line. */
  printed(line: string): Promise<void>;
  /** Ends it at once, as kill -9 does. */
  kill(): Promise<void>;
  /** Resolves with what it printed, when it has ended; rejects unless it ended well. */
  readonly ended: Promise<string>;
};

export function startChild(t: ExecutionContext, module: URL, args: readonly string[]): Child {
  const child = spawn(process.execPath, [fileURLToPath(module), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const output: string[] = [];
  const listeners = new Set<() => void>();
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output.push(text);
    for (const listener of listeners) listener();
  });
  const closed = new Promise<number | null>((resolve) => child.once('close', resolve));
  const ended = closed.then((code) => {
    if (code !== 0) throw new Error(`the process ended with ${code}`);
    return output.join('');
  });
  ended.catch(() => undefined);
  const kill = async () => {
    child.kill('SIGKILL');
    await closed;
  };
  t.teardown(kill);
  return {
    process: child,
    kill,
    ended,
    printed(line) {
      return new Promise((resolve, reject) => {
        const look = () => {
          if (output.join('').split('\n').includes(line)) resolve();
        };
        listeners.add(look);
        closed.then(() => reject(new Error(`the process ended without printing ${line}`))).catch(reject);
        look();
      });
    },
  };
}
