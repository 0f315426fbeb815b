import { parseStopSignal } from '@img/runtime/config/stop-signal';
import { findRunningContainer } from '@img/runtime/containers/find-container';
import { signalContainer } from '@img/runtime/containers/signal-container';
import type { Command } from 'commander';
import { parseArgument } from '../argument.ts';
import { addExamples, type CommandContext, onRun, type Session } from '../command.ts';
import { openHost } from '../host/open-host.ts';

type CommandLine = { readonly signal: string };

export function configure(command: Command, context: CommandContext): void {
  command
    .argument('<container...>', 'names, ids, or how an id begins')
    .option('-s, --signal <signal>', 'a name such as HUP, or a number', 'KILL');
  addExamples(command, 'img kill web', 'img kill --signal HUP web');
  onRun(command, context, async (session, line: CommandLine, names: readonly string[]) =>
    kill(session, line, names),
  );
}

async function kill(session: Session, line: CommandLine, names: readonly string[]): Promise<void> {
  const number = parseArgument(parseStopSignal, line.signal);
  await using host = await openHost(session);
  const containers = names.map((name) => findRunningContainer(host.state, name));
  await Promise.all(containers.map((container) => signalContainer(host.state, container, number)));
  session.output.result(
    containers.map(({ id, name = null }) => ({ id, name, signal: number })),
    () => names,
  );
}
