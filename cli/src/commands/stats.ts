import { setTimeout as delay } from 'node:timers/promises';
import { findRunningContainer } from '@img/runtime/containers/find-container';
import { readUsage, type Usage } from '@img/runtime/containers/read-usage';
import { controlGroupOf } from '@img/runtime/state/container-record';
import type { Command } from 'commander';
import { addExamples, type CommandContext, onRun, type Session } from '../command.ts';
import { openHost } from '../host/open-host.ts';
import { formatBytes } from '../output/measure.ts';
import { tableLines } from '../output/table.ts';
import { bold } from '../output/text.ts';

// Long enough for the kernel to have counted something.
const measuringMs = 500;

export function configure(command: Command, context: CommandContext): void {
  command.argument('[container...]', 'names, ids, or how an id begins; all that run if there is none');
  command.addHelpText('after', '\nMeasured for half a second. 100 % is one processor.');
  addExamples(command, 'img stats', 'img stats web --json');
  onRun(command, context, async (session, _: object, names: readonly string[]) => showUsage(session, names));
}

async function showUsage({ output, signal, ...rest }: Session, names: readonly string[]): Promise<void> {
  await using host = await openHost({ ...rest, output, signal });
  const containers =
    names.length === 0 ? host.state.list() : names.map((name) => findRunningContainer(host.state, name));
  const begin = performance.now();
  const before = containers.map((container) => readUsage(controlGroupOf(container)));
  if (containers.length > 0) await delay(measuringMs, undefined, { signal });
  const seconds = (performance.now() - begin) / 1000;
  const measured = containers.map((container, index) => {
    const { id, name = null } = container;
    const usage = readUsage(controlGroupOf(container));
    return { id, name, processors: processorsOf(before[index], usage, seconds), ...usage };
  });
  output.result(measured, () =>
    tableLines(
      [
        { title: 'id' },
        { title: 'name' },
        { title: 'processor', align: 'right' },
        { title: 'memory', align: 'right' },
        { title: 'limit', align: 'right' },
        { title: 'processes', align: 'right' },
      ],
      measured.map(({ id, name, processors, memoryBytes, memoryLimitBytes, pids }) => [
        bold(id),
        name ?? '',
        processors === null ? '' : `${(processors * 100).toFixed(1)} %`,
        memoryBytes === undefined ? '' : formatBytes(memoryBytes),
        memoryLimitBytes === undefined ? '' : formatBytes(memoryLimitBytes),
        pids === undefined ? '' : `${pids}`,
      ]),
    ),
  );
}

/** How many processors were busy; null if nobody counts it. */
function processorsOf(before: Usage | undefined, after: Usage, seconds: number): number | null {
  if (before?.cpuSeconds === undefined || after.cpuSeconds === undefined) return null;
  return (after.cpuSeconds - before.cpuSeconds) / seconds;
}
