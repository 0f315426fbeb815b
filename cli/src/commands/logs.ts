import { findContainer } from '@img/runtime/containers/find-container';
import { type LogEntry, readLog } from '@img/runtime/containers/read-log';
import { RuntimeError } from '@img/runtime/runtime-error';
import { isEnded } from '@img/runtime/state/container';
import type { Command } from 'commander';
import { installedUnit, showUnitLog } from '../apps/unit-log.ts';
import { CliError } from '../cli-error.ts';
import { addExamples, type CommandContext, onRun, type Session } from '../command.ts';
import { openHost } from '../host/open-host.ts';
import { parseCount, parseMoment } from '../option-values.ts';
import type { Output } from '../output/output.ts';

type CommandLine = {
  readonly follow?: boolean;
  readonly since?: Date;
  readonly tail?: number;
  readonly timestamps?: boolean;
};

export function configure(command: Command, context: CommandContext): void {
  command
    .argument('<container>', 'a name, an id, or how an id begins; or an installed app')
    .option('-f, --follow', 'go on until it ends')
    .option('--since <time>', 'only from then on: 10m ago, or a date with a time', (text) =>
      parseMoment(text, new Date()),
    )
    .option('-n, --tail <lines>', 'only so many lines, the last ones', parseCount)
    .option('-t, --timestamps', 'begin each line with when it was written');
  command.addHelpText('after', '\nWhat was written to stderr goes to stderr.');
  addExamples(command, 'img logs web', 'img logs --follow --since 10m web');
  onRun(command, context, async (session, line: CommandLine, name: string) => showLog(session, line, name));
}

async function showLog(session: Session, line: CommandLine, name: string): Promise<void> {
  const { output, signal } = session;
  if (line.follow === true && output.isJson) {
    throw new CliError('USAGE', 'a log that goes on is no JSON document', {
      hint: 'leave out --follow or --json',
    });
  }
  await using host = await openHost(session);
  const unit = await installedUnit(host, name);
  if (unit !== undefined) {
    await showUnitLog(unit, line, output, signal);
    return;
  }
  const container = findContainer(host.state, name);
  if (container.detached === undefined) {
    throw new RuntimeError(
      'CONTAINER_ATTACHED',
      `${name} runs in the foreground: who started it has its output`,
      {
        hint: 'start it with img run --detach to keep what it writes',
      },
    );
  }
  const { id } = container;
  const { follow, since, tail } = line;
  const entries = readLog(host.state.logFile(id), {
    signal,
    ...(follow === true ? { follow: () => !isEnded(container) && host.state.isAlive(id) } : {}),
    ...(since === undefined ? {} : { since }),
    ...(tail === undefined ? {} : { tail }),
  });
  if (output.isJson) output.result(await Array.fromAsync(entries, logDocument), () => []);
  else await writeEntries(entries, output, line.timestamps === true);
}

async function writeEntries(
  entries: AsyncIterable<LogEntry>,
  output: Output,
  hasTimestamps: boolean,
): Promise<void> {
  const isInLine = { stdout: false, stderr: false };
  for await (const { time, stream, bytes } of entries) {
    if (hasTimestamps && !isInLine[stream]) output.pass(Buffer.from(`${time.toISOString()} `), stream);
    output.pass(bytes, stream);
    isInLine[stream] = bytes.at(-1) !== 0x0a;
  }
}

function logDocument({ time, stream, bytes }: LogEntry): object {
  return { time: time.toISOString(), stream, text: new TextDecoder().decode(bytes) };
}
