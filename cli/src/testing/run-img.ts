import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { ExecutionContext } from 'ava';

/** The command's own file. */
export const programPath = join(import.meta.dirname, '../../bin/img.js');

export type RunResult = { readonly code: number | null; readonly stdout: string; readonly stderr: string };

export type RunOptions = {
  readonly variables?: { readonly [name: string]: string };
  /** What the command reads from stdin; nothing by default. */
  readonly input?: string;
};

/** An instance of img of its own: no folder, variable or terminal of the machine is used. */
export type Instance = {
  readonly folder: string;
  readonly variables: { readonly [name: string]: string };
  /** Runs the real command as a child process. */
  readonly run: (words: readonly string[], options?: RunOptions) => Promise<RunResult>;
};

/** Makes an instance that ends with the test. */
export async function newInstance(t: ExecutionContext): Promise<Instance> {
  const folder = await mkdtemp(join(tmpdir(), 'img-cli-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  // Shared, because it holds nothing but what can be made again.
  return instanceIn(folder, join(import.meta.dirname, '../../node_modules/.cache/img'));
}

/** Makes an instance that keeps everything but its cache in one folder, which the caller removes. */
export function instanceIn(folder: string, cacheFolder: string): Instance {
  const variables = {
    HOME: folder,
    PATH: process.env['PATH'] ?? '',
    DOCKER_CONFIG: join(folder, 'docker'),
    IMG_CONFIG: join(folder, 'config'),
    IMG_ROOT: join(folder, 'root'),
    IMG_RUN: join(folder, 'run'),
    IMG_CACHE: cacheFolder,
  };
  return {
    folder,
    variables,
    run: (words, options = {}) =>
      run(words, folder, { ...variables, ...options.variables }, options.input ?? ''),
  };
}

async function run(
  words: readonly string[],
  cwd: string,
  env: { readonly [name: string]: string },
  input: string,
): Promise<RunResult> {
  const child = spawn(process.execPath, [programPath, ...words], { cwd, env });
  child.stdin.end(input);
  const [stdout, stderr, code] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    new Promise<number | null>((resolve, reject) => child.on('error', reject).on('close', resolve)),
  ]);
  return { code, stdout, stderr };
}
