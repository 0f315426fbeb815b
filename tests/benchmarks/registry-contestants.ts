import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { programPath } from '@img/cli/testing/run-img';

/** A registry in a process of its own. */
export type Contestant = {
  readonly name: string;
  readonly url: string;
  /** What requests must show now to pull and push below `bench/`. */
  headers(): Promise<{ readonly [name: string]: string }>;
  /** Milliseconds from the start of the process until it had answered a request. */
  readonly startMs: number;
  /** Milliseconds of processors that it has used. */
  cpuMs(): Promise<number>;
  /** Resident memory in MiB: now, and the most so far. */
  memory(): Promise<{ readonly nowMiB: number; readonly mostMiB: number }>;
  stop(): Promise<void>;
};

const password = 'a password of a benchmark';
/** How long a token is used; it is good for five minutes. */
const tokenMs = 120_000;
/** Of /proc/…/stat, on every Linux that Node runs on. */
const ticksPerSecond = 100;

/** Ours, with everything in one folder, or with its metadata elsewhere; it may have data already. */
export async function startImg(
  folder: string,
  { workers = 1, database }: { readonly workers?: number; readonly database?: string } = {},
): Promise<Contestant> {
  const words = ['serve', '--listen', '127.0.0.1:0', '--json', '--quiet', '--data', folder];
  const env = {
    ...process.env,
    IMG_ADMIN_PASSWORD: password,
    IMG_ROOT: folder,
    NODE_ENV: 'production',
    IMG_WORKERS: String(workers),
    ...(database === undefined ? {} : { IMG_DATABASE: database }),
  };
  // By the script that users call: it gives a registry options of Node.
  const program = programPath.replace(/\.js$/, '');
  const child = spawn(program, words, { env, stdio: ['ignore', 'pipe', 'inherit'] });
  const begin = performance.now();
  let said = '';
  for await (const piece of child.stdout.setEncoding('utf8') as AsyncIterable<string>) {
    said += piece;
    if (said.endsWith('}\n')) break;
  }
  const { url, workers: pids = [] } = JSON.parse(said) as { url: string; workers?: readonly number[] };
  await firstAnswer(url);
  const startMs = performance.now() - begin;
  const stop = async () => {
    const ended = once(child, 'exit');
    if (child.kill('SIGTERM')) await ended;
  };
  // Nothing goes on where the benchmark is broken off.
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  return {
    name: 'img',
    url,
    headers: tokensOf(url),
    startMs,
    ...useOf(child.pid as number, ...pids),
    stop: () => stop().finally(() => process.off('exit', kill)),
  };
}

/** Tokens as clients get them, a new one before one ends. */
function tokensOf(url: string): Contestant['headers'] {
  const scopes = ['app', 'large', 'pushed'].map((name) => `scope=repository:bench/${name}:pull,push`);
  let headers: ReturnType<Contestant['headers']> | undefined;
  let until = 0;
  const fetchHeaders = async () => {
    const answer = await fetch(`${url}/token?${scopes.join('&')}`, {
      headers: { authorization: `Basic ${btoa(`admin:${password}`)}` },
    });
    const { token } = (await answer.json()) as { readonly token: string };
    return { authorization: `Bearer ${token}` };
  };
  return () => {
    if (headers === undefined || performance.now() > until) {
      headers = fetchHeaders();
      until = performance.now() + tokenMs;
    }
    return headers;
  };
}

/** Waits until whatever listens there answers, whatever it says. */
export async function firstAnswer(url: string): Promise<void> {
  await (await fetch(`${url}/v2/`)).arrayBuffer();
}

/** What processes use of the machine, all together. */
export function useOf(...pids: readonly number[]): Pick<Contestant, 'cpuMs' | 'memory'> {
  const field = async (name: string) => {
    const all = pids.map(async (pid) => {
      const status = await readFile(`/proc/${pid}/status`, 'utf8');
      return Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]) / 1024;
    });
    return sum(await Promise.all(all));
  };
  return {
    cpuMs: async () => {
      const all = pids.map(async (pid) => {
        // The name of the program, in brackets, may have spaces.
        const fields = (await readFile(`/proc/${pid}/stat`, 'utf8')).replace(/^.*\) /, '').split(' ');
        return ((Number(fields[11]) + Number(fields[12])) * 1000) / ticksPerSecond;
      });
      return sum(await Promise.all(all));
    },
    memory: async () => ({ nowMiB: await field('VmRSS'), mostMiB: await field('VmHWM') }),
  };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
