import { findRunningContainer } from '@img/runtime/containers/find-container';
import { listProcesses } from '@img/runtime/containers/list-processes';
import type { Command } from 'commander';
import { addExamples, type CommandContext, onRun, type Session } from '../command.ts';
import { openHost } from '../host/open-host.ts';
import { formatBytes, formatDuration } from '../output/measure.ts';
import { tableLines } from '../output/table.ts';
import { bold } from '../output/text.ts';

export function configure(command: Command, context: CommandContext): void {
  command.argument('<container>', 'a name, an id, or how an id begins');
  addExamples(command, 'img top web');
  onRun(command, context, async (session, _: object, name: string) => showProcesses(session, name));
}

async function showProcesses(session: Session, name: string): Promise<void> {
  await using host = await openHost(session);
  const processes = listProcesses(findRunningContainer(host.state, name));
  session.output.result(processes, () =>
    tableLines(
      [
        { title: 'pid', align: 'right' },
        { title: 'inside', align: 'right' },
        { title: 'uid', align: 'right' },
        { title: 'state' },
        { title: 'processor', align: 'right' },
        { title: 'memory', align: 'right' },
        { title: 'command' },
      ],
      processes.map(({ pid, pidInside, uid, state, cpuSeconds, memoryBytes, command }) => [
        bold(`${pid}`),
        `${pidInside}`,
        `${uid}`,
        state,
        formatDuration(cpuSeconds * 1000),
        formatBytes(memoryBytes),
        command.join(' '),
      ]),
    ),
  );
}
