import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { type Instance, programPath, type RunResult } from '@img/cli/testing/run-img';
import { findProgram } from '@img/sign/testing/needs';

/** An instance that knows how much memory its builds took. */
export type MeasuredInstance = Instance & {
  /** The most that a build had at a time; undefined if no build has ended or GNU time isn't installed. */
  readonly peakBytes: () => number | undefined;
};

/** Runs builds of an instance under GNU time. */
export function measured(instance: Instance): MeasuredInstance {
  const time = findProgram('time');
  let peakBytes: number | undefined;
  const report = join(instance.folder, 'peak-memory');
  return {
    ...instance,
    peakBytes: () => peakBytes,
    run: async (words, options) => {
      if (time === undefined || words[0] !== 'build') return await instance.run(words, options);
      const result = await runUnder([time, '--format', '%M', '--output', report], instance, words);
      // A command that fails has a line before it that says so.
      const lines = (await readFile(report, 'utf8')).trim().split('\n');
      peakBytes = Math.max(peakBytes ?? 0, Number(lines.at(-1)) * 1024);
      return result;
    },
  };
}

async function runUnder(
  [program = '', ...wrapper]: readonly string[],
  { folder, variables }: Instance,
  words: readonly string[],
): Promise<RunResult> {
  const child = spawn(program, [...wrapper, process.execPath, programPath, ...words], {
    cwd: folder,
    env: variables,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = new Promise<number | null>((resolve, reject) =>
    child.on('error', reject).on('close', resolve),
  );
  const [stdout, stderr, code] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  return { code, stdout, stderr };
}
