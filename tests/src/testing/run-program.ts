import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import type { RunResult } from '@img/cli/testing/run-img';

/** Runs a program of this machine to its end; whether it failed is for the caller. */
export async function runProgram(program: string, words: readonly string[]): Promise<RunResult> {
  const child = spawn(program, words, { stdio: ['ignore', 'pipe', 'pipe'] });
  const closed = once(child, 'close') as Promise<[number | null]>;
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), closed]);
  return { code, stdout, stderr };
}
