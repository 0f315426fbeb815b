import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { say, sayCommand } from './say.ts';

/** Whose configuration and store a command uses, and what it reads from stdin. */
export type Person = {
  readonly variables: { readonly IMG_CONFIG: string; readonly [name: string]: string };
  readonly input?: string;
};

/** A command that goes on, such as `img serve`. */
export type Started = {
  readonly child: ChildProcess;
  /** What the first group of the pattern found in its output. */
  readonly found: string;
};

const program = resolve(import.meta.dirname, '../../cli/bin/img.js');

/** Runs the command, shows it and what it prints, and throws if it fails. */
export async function expectSuccess(person: Person, ...words: string[]): Promise<void> {
  await runTo(person, words, 0);
}

/** The same for a command that must be refused with this exit code. */
export async function expectFailure(person: Person, exitCode: number, ...words: string[]): Promise<void> {
  await runTo(person, words, exitCode);
  say(`(exit code ${exitCode}: refused, as it should be)`);
}

/** Starts a command and resolves when its output matches the pattern. Rejects if it ends before that. */
export async function startImg(person: Person, words: readonly string[], pattern: RegExp): Promise<Started> {
  sayCommand(words);
  const child = start(person, words);
  const { promise, resolve: found, reject } = Promise.withResolvers<Started>();
  let output = '';
  const listen = (chunk: Buffer) => {
    process.stdout.write(chunk);
    output += chunk.toString();
    const match = pattern.exec(output);
    if (match !== null) found({ child, found: match[1] ?? '' });
  };
  child.stdout?.on('data', listen);
  child.stderr?.on('data', listen);
  child.once('close', (code) => reject(new Error(`img ${words.join(' ')} ended with ${code} too early`)));
  return promise;
}

/** Ends a started command as Ctrl-C would, and waits for it. */
export async function stop({ child }: Started): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  await ended;
}

async function runTo(person: Person, words: readonly string[], wanted: number): Promise<void> {
  sayCommand(words);
  const child = start(person, words);
  child.stdout?.pipe(process.stdout, { end: false });
  child.stderr?.pipe(process.stdout, { end: false });
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== wanted) throw new Error(`img ${words.join(' ')} ended with ${code} instead of ${wanted}`);
}

function start({ variables, input }: Person, words: readonly string[]): ChildProcess {
  const child = spawn(process.execPath, [program, ...words], {
    env: { ...process.env, ...variables },
    stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
  });
  child.stdin?.end(input);
  return child;
}
