import { spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import type { Command } from './command.ts';
import { median } from './report.ts';

/** What a command took, in milliseconds: from start to exit, and of all processors together. */
export type UsedTime = { readonly wallMs: number; readonly cpuMs: number };

/** Who does a job, in which way. */
export type Contender = { readonly name: string; readonly measure: (round: number) => Promise<UsedTime> };

/** A job; the first who does it is the one that others are compared with. */
export type Comparison = {
  readonly title: string;
  readonly note: string;
  readonly contenders: readonly Contender[];
  /** Whether each does it once before, without being measured: programs keep what they can use again. */
  readonly isWarm: boolean;
};

// What a shell has waited for, and they in turn. The command doesn't get the pipe, which what it leaves running would
// keep open.
const counting = '"$@" 3>&-; code=$?; times >&3; exit $code';

/**
 * Runs a command to its end. The processors' time is that of every process that somebody waited for, so not of those
 * that run on by themselves, such as conmon. Throws with what it wrote to stderr if it fails.
 */
export async function useTime({ line, variables = {} }: Command): Promise<UsedTime> {
  const startedAt = performance.now();
  const child = spawn('sh', ['-c', counting, 'sh', ...line], {
    env: { ...process.env, ...variables },
    stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
  });
  const ended = new Promise<number | null>((resolve, reject) =>
    child.on('error', reject).on('exit', resolve),
  );
  const times = child.stdio[3] as Readable;
  const stderr = child.stderr as Readable;
  // What a command leaves running may keep its stderr open.
  const said: Buffer[] = [];
  stderr.on('data', (chunk: Buffer) => said.push(chunk));
  const [code, spent] = await Promise.all([ended, text(times)]);
  const wallMs = performance.now() - startedAt;
  stderr.destroy();
  if (code !== 0) throw new Error(`${line.join(' ')} ended with ${code}:\n${Buffer.concat(said).toString()}`);
  return { wallMs, cpuMs: ofChildren(spent) };
}

// Its second line, such as `0m0.120000s 0m0.030000s`.
function ofChildren(times: string): number {
  const spent = [...(times.split('\n')[1] ?? '').matchAll(/(\d+)m([\d.]+)s/g)];
  return spent.reduce(
    (sum, [, minutes, seconds]) => sum + (Number(minutes) * 60 + Number(seconds)) * 1000,
    0,
  );
}

/** Measures every contender once in each round, in turn; who begins changes from round to round. */
export async function compare(
  { title, note, contenders, isWarm }: Comparison,
  rounds: number,
): Promise<readonly string[]> {
  if (isWarm) for (const { measure } of contenders) await measure(0);
  const found = contenders.map(() => [] as UsedTime[]);
  for (let round = 0; round < rounds; round += 1) {
    for (const place of contenders.keys()) {
      const index = (place + round) % contenders.length;
      const time = await contenders[index]?.measure(round);
      if (time !== undefined) found[index]?.push(time);
    }
  }
  const ours = median((found[0] ?? []).map(({ wallMs }) => wallMs));
  const rows = contenders.map(({ name }, index) =>
    row(name, found[index] ?? [], index === 0 ? undefined : ours),
  );
  return ['', title, `  (${note})`, ...rows];
}

function row(name: string, times: readonly UsedTime[], ours: number | undefined): string {
  const wall = times.map(({ wallMs }) => wallMs);
  const cpu = times.map(({ cpuMs }) => cpuMs);
  const ratio = ours === undefined ? '' : `  ${(median(wall) / ours).toFixed(2)} x`;
  const range = `${Math.min(...wall).toFixed(0)} – ${Math.max(...wall).toFixed(0)}`;
  return `  ${name.padEnd(34)} ${median(wall).toFixed(0).padStart(6)} ms  ${range.padEnd(15)} ${median(cpu).toFixed(0).padStart(6)} ms CPU${ratio}`;
}
