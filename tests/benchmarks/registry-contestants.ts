import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { programPath } from '@img/cli/testing/run-img';
import { findProgram } from '@img/sign/testing/needs';

/** A registry in a process of its own. */
export type Contestant = {
  readonly name: string;
  readonly url: string;
  /** What requests must show to pull and push below `bench/`. */
  readonly headers: { readonly [name: string]: string };
  /** Milliseconds from the start of the process until it listened. */
  readonly startMs: number;
  /** Milliseconds of processors that it has used. */
  cpuMs(): Promise<number>;
  /** Resident memory in MiB: now, and the most so far. */
  memory(): Promise<{ readonly nowMiB: number; readonly mostMiB: number }>;
  stop(): Promise<void>;
};

const password = 'a password of a benchmark';
/** Of /proc/…/stat, on every Linux that Node runs on. */
const ticksPerSecond = 100;

/** Ours, with everything in one folder; it may have data already. */
export async function startImg(folder: string, more: readonly string[] = []): Promise<Contestant> {
  const words = ['serve', '--listen', '127.0.0.1:0', '--json', '--quiet', '--data', folder, ...more];
  const env = { ...process.env, IMG_ADMIN_PASSWORD: password, IMG_ROOT: folder, NODE_ENV: 'production' };
  const child = spawn(process.execPath, [programPath, ...words], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const begin = performance.now();
  let said = '';
  for await (const piece of child.stdout.setEncoding('utf8') as AsyncIterable<string>) {
    said += piece;
    if (said.endsWith('}\n')) break;
  }
  const startMs = performance.now() - begin;
  const { url } = JSON.parse(said) as { readonly url: string };
  const scopes = ['app', 'large', 'pushed']
    .map((name) => `scope=repository:bench/${name}:pull,push`)
    .join('&');
  const answer = await fetch(`${url}/token?${scopes}`, {
    headers: { authorization: `Basic ${btoa(`admin:${password}`)}` },
  });
  const { token } = (await answer.json()) as { readonly token: string };
  return running({ name: 'img', child, url, headers: { authorization: `Bearer ${token}` }, startMs });
}

/** Debian's, with its usual settings, open to everybody; undefined where it isn't installed. */
export async function startDockerRegistry(folder: string): Promise<Contestant | undefined> {
  const program = findProgram('docker-registry');
  if (program === undefined) return undefined;
  await mkdir(folder, { recursive: true });
  const config = join(folder, 'config.yml');
  const settings = {
    version: 0.1,
    log: { level: 'info', formatter: 'json', accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory: join(folder, 'data') }, cache: { blobdescriptor: 'inmemory' } },
    http: { addr: '127.0.0.1:0' },
  };
  // JSON is YAML, too.
  await writeFile(config, JSON.stringify(settings));
  const begin = performance.now();
  const child = spawn(program, ['serve', config], { stdio: ['ignore', 'ignore', 'pipe'] });
  let port: string | undefined;
  for await (const line of createInterface(child.stderr)) {
    port = /listening on 127\.0\.0\.1:(\d+)/.exec(line)?.[1];
    if (port !== undefined) break;
  }
  const startMs = performance.now() - begin;
  child.stderr.resume();
  return running({ name: 'docker-registry', child, url: `http://127.0.0.1:${port}`, headers: {}, startMs });
}

function running({
  child,
  ...rest
}: Pick<Contestant, 'name' | 'url' | 'headers' | 'startMs'> & { child: ChildProcess }): Contestant {
  // Nothing goes on where the benchmark is broken off.
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  const field = async (name: string) => {
    const status = await readFile(`/proc/${child.pid}/status`, 'utf8');
    return Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]) / 1024;
  };
  return {
    ...rest,
    cpuMs: async () => {
      // The name of the program, in brackets, may have spaces.
      const fields = (await readFile(`/proc/${child.pid}/stat`, 'utf8')).replace(/^.*\) /, '').split(' ');
      return ((Number(fields[11]) + Number(fields[12])) * 1000) / ticksPerSecond;
    },
    memory: async () => ({ nowMiB: await field('VmRSS'), mostMiB: await field('VmHWM') }),
    stop: async () => {
      process.off('exit', kill);
      const ended = once(child, 'exit');
      if (child.kill('SIGTERM')) await ended;
    },
  };
}
