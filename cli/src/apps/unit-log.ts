import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { promisify } from 'node:util';
import { parseAppName } from '@img/runtime/apps/app-name';
import type { Host } from '@img/runtime/host';
import { unitNames } from '@img/runtime/units/service-unit';
import { CliError } from '../cli-error.ts';
import type { Output } from '../output/output.ts';

export type UnitLogLine = {
  readonly follow?: boolean;
  readonly since?: Date;
  readonly tail?: number;
  readonly timestamps?: boolean;
};

/** The unit of an installed app; undefined if none has this name. */
export async function installedUnit(host: Host, text: string): Promise<string | undefined> {
  const isName = /^[\w.-]{1,63}$/.test(text) && (await host.apps.list()).some((name) => name === text);
  return isName ? unitNames(parseAppName(text)).service : undefined;
}

/** Shows what an app has written to the journal of the host, which has it also after the app has ended. */
export async function showUnitLog(
  unit: string,
  { follow, since, tail, timestamps }: UnitLogLine,
  output: Output,
  signal: AbortSignal,
): Promise<void> {
  // What it has written a moment ago may still be on its way.
  if (follow !== true) await promisify(execFile)('journalctl', ['--sync']);
  const format = output.isJson ? 'json' : timestamps === true ? 'short-iso' : 'cat';
  const words = [
    ...['--quiet', '--no-pager', '--unit', unit, '--output', format],
    ...(follow === true ? ['--follow'] : []),
    ...(since === undefined ? [] : ['--since', `@${Math.floor(since.getTime() / 1000)}`]),
    ...(tail === undefined ? [] : ['--lines', String(tail)]),
  ];
  const journal = spawn('journalctl', words, { stdio: ['ignore', 'pipe', 'inherit'], signal });
  const ended = once(journal, 'close') as Promise<[number | null]>;
  const entries: unknown[] = [];
  for await (const text of linesOf(journal.stdout)) {
    if (output.isJson) entries.push(JSON.parse(text));
    else output.pass(Buffer.from(`${text}\n`), 'stdout');
  }
  const [code] = await ended;
  if (code !== 0) throw new CliError('JOURNAL_UNREADABLE', `journalctl --unit ${unit} ended with ${code}`);
  if (output.isJson) output.result(entries, () => []);
}

async function* linesOf(stream: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  let rest = '';
  const decoder = new TextDecoder();
  for await (const bytes of stream) {
    const lines = (rest + decoder.decode(bytes, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
  }
  if (rest !== '') yield rest;
}
