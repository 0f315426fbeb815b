import { findContainer } from '@img/runtime/containers/find-container';
import { stopContainer } from '@img/runtime/containers/stop-container';
import { isEnded } from '@img/runtime/state/container';
import { Systemd } from '@img/runtime/units/systemd';
import { type Command, InvalidArgumentError } from 'commander';
import { addExamples, type CommandContext, onRun, type Session } from '../command.ts';
import { openHost } from '../host/open-host.ts';

type CommandLine = { readonly time: number };

export function configure(command: Command, context: CommandContext): void {
  command
    .argument('<container...>', 'names, ids, or how an id begins')
    .option('-t, --time <seconds>', 'how long it may take before it is killed', parseSeconds, 10);
  addExamples(command, 'img stop web', 'img stop --time 60 web db');
  onRun(command, context, async (session, line: CommandLine, names: readonly string[]) =>
    stop(session, line, names),
  );
}

async function stop(session: Session, { time }: CommandLine, names: readonly string[]): Promise<void> {
  const { output, signal } = session;
  await using host = await openHost(session);
  // All are looked up before the first is stopped, so that a typing mistake stops nothing.
  const containers = names.map((name) => findContainer(host.state, name));
  const stopped = await Promise.all(
    containers.map(async (container) => {
      const { id, name = null } = container;
      const isRunning = !isEnded(container);
      if (isRunning && container.unit !== undefined) {
        // Started again at once by its unit otherwise.
        await new Systemd().stop(container.unit.name);
        return { id, name, wasRunning: true, wasKilled: false };
      }
      const endedByItself =
        !isRunning || (await stopContainer(host.state, container, { timeoutMs: time * 1000, signal }));
      return { id, name, wasRunning: isRunning, wasKilled: !endedByItself };
    }),
  );
  output.result(stopped, () => names);
  for (const [index, { wasKilled }] of stopped.entries()) {
    if (wasKilled && time > 0) output.story(`${names[index]} did not end within ${time} s and was killed`);
  }
}

function parseSeconds(text: string): number {
  if (/^\d{1,6}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It should be a whole number of seconds.');
}
