import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { findProgram } from '@img/sign/testing/needs';
import type { ExecutionContext } from 'ava';

/** Registries of other people: Docker's old one, which has no list of referrers, and a small new one that has. */
export const foreignRegistries = ['docker-registry', 'crane'] as const;

export type ForeignRegistry = (typeof foreignRegistries)[number];

/**
 * Starts a registry of other people, empty and open to everybody, which ends with the test.
 *
 * @returns `127.0.0.1:PORT`
 */
export async function startForeignRegistry(
  t: ExecutionContext,
  name: ForeignRegistry,
  folder: string,
): Promise<string> {
  const words = await wordsFor(name, join(folder, name));
  const child = spawn(findProgram(name) ?? name, words, { stdio: ['ignore', 'ignore', 'pipe'] });
  const ended = once(child, 'exit');
  t.teardown(async () => {
    if (child.kill()) await ended;
  });
  const said: string[] = [];
  for await (const line of createInterface(child.stderr)) {
    said.push(line);
    if (portIn(line) !== undefined) break;
  }
  const port = portIn(said.at(-1) ?? '');
  if (port === undefined) throw new Error(`${name} ended before it listened:\n${said.join('\n')}`);
  // The end of the loop has paused it, and what nobody reads would hold up the registry some time.
  child.stderr.resume();
  return `127.0.0.1:${port}`;
}

function portIn(line: string): string | undefined {
  return /(?:listening on 127\.0\.0\.1:|serving on port )(\d+)/.exec(line)?.[1];
}

async function wordsFor(name: ForeignRegistry, folder: string): Promise<readonly string[]> {
  if (name === 'crane') return ['registry', 'serve', '--address', '127.0.0.1:0'];
  await mkdir(folder);
  const config = {
    version: 0.1,
    log: { level: 'info', formatter: 'json' },
    storage: { filesystem: { rootdirectory: join(folder, 'data') } },
    http: { addr: '127.0.0.1:0' },
  };
  const path = join(folder, 'config.yml');
  // JSON is YAML, too.
  await writeFile(path, JSON.stringify(config));
  return ['serve', path];
}
