import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, cp, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout } from 'node:timers/promises';
import type { Instance, RunResult } from '@img/cli/testing/run-img';
import type { Stack } from './stack.ts';

const pauseMs = 200;
// A server that listens and never says the right thing would be asked for ever.
const maxAttempts = 3000;

/** How a stack got on. */
export type Outcome = {
  /** Of the image. */
  readonly digest: string;
  /** What it answered. */
  readonly answer: string;
};

/** What `img` is called with and where. */
export type Workplace = Pick<Instance, 'folder' | 'run' | 'variables'>;

/**
 * Builds a stack, starts it as anybody would, and asks it. The folder of the instance gets `NAME/`, which stays
 * there with the img.lock; nothing runs any more afterwards.
 *
 * @throws Error if it can't be built or doesn't work
 */
export async function tryStack(workplace: Workplace, stack: Stack): Promise<Outcome> {
  const app = join(workplace.folder, stack.name);
  await cp(stack.folder, app, { recursive: true });
  const digest = JSON.parse(await done(workplace, ['build', app, '--json', '--quiet'])).digest as string;
  const data = join(workplace.folder, `${stack.name}-data`);
  await mkdir(data);
  // Whoever the image runs as writes there.
  await chmod(data, 0o777);
  try {
    return { digest, answer: await answerOf(workplace, stack, data) };
  } finally {
    await rm(data, { recursive: true, force: true });
  }
}

async function answerOf(workplace: Workplace, { name, trial }: Stack, data: string): Promise<string> {
  const image = `com.example.stacks.${name}`;
  const options = trial.volume === undefined ? [] : ['--volume', `${data}:${trial.volume}`];
  const run = ['run', '--insecure=signature', '--quiet', ...options];
  for (const words of trial.before ?? []) await done(workplace, [...run, image, ...words]);
  const expected = new RegExp(trial.says);
  if (trial.ask === undefined && trial.inside === undefined) {
    const { code, stdout, stderr } = await workplace.run([...run, image]);
    if (code === 0 && expected.test(stdout + stderr)) return stdout + stderr;
    throw new Error(`it ended with ${code} and printed ${stdout}${stderr}`);
  }
  await done(workplace, [...run, '--detach', '--name', name, image]);
  try {
    return await askUntilAnswered(workplace, { name, trial, expected });
  } finally {
    await workplace.run(['rm', '--force', name]);
  }
}

type Asking = { readonly name: string; readonly trial: Stack['trial']; readonly expected: RegExp };

/** Servers take a while to listen, so this asks until it is answered well or the server has ended. */
async function askUntilAnswered(workplace: Workplace, asking: Asking): Promise<string> {
  for (let attempts = 1; ; attempts += 1) {
    const processId = await processOf(workplace, asking.name);
    const { stdout, stderr } = await ask(workplace, asking, processId);
    if (processId !== undefined && asking.expected.test(stdout)) return stdout;
    if (processId === undefined) {
      throw new Error(`it has ended:\n${await logsOf(workplace, asking.name)}`);
    }
    if (attempts === maxAttempts) {
      throw new Error(`it answers ${stdout}${stderr}\n${await logsOf(workplace, asking.name)}`);
    }
    await setTimeout(pauseMs);
  }
}

async function ask(
  workplace: Workplace,
  { name, trial }: Asking,
  processId: number | undefined,
): Promise<RunResult> {
  const input = trial.input ?? '';
  if (trial.inside !== undefined) {
    const variables = Object.entries(trial.variables ?? {}).flatMap(([key, value]) => [
      '-e',
      `${key}=${value}`,
    ]);
    return await workplace.run(['exec', '--interactive', ...variables, name, ...trial.inside], { input });
  }
  if (processId === undefined) return { code: 1, stdout: '', stderr: '' };
  const words = [`--net=/proc/${processId}/ns/net`, ...(trial.ask ?? [])];
  const child = spawn('nsenter', words, { cwd: workplace.folder });
  child.stdin.on('error', () => undefined).end(input);
  const closed = once(child, 'close') as Promise<[number | null]>;
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), closed]);
  return { code, stdout, stderr };
}

async function logsOf(workplace: Workplace, name: string): Promise<string> {
  const { stdout, stderr } = await workplace.run(['logs', name]);
  return `${stdout}${stderr}`;
}

/** The process of a container; undefined once it has ended. */
async function processOf(workplace: Workplace, name: string): Promise<number | undefined> {
  const containers = JSON.parse(await done(workplace, ['ps', '--json'])) as readonly {
    readonly name?: string;
    readonly pid?: number;
  }[];
  return containers.find((container) => container.name === name)?.pid;
}

async function done({ run }: Workplace, words: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await run(words);
  if (code !== 0) throw new Error(`img ${words.join(' ')} ended with ${code}:\n${stderr}${stdout}`);
  return stdout;
}
