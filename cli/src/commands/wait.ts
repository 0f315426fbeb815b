import { findContainer, isEnded } from '@img/runtime/containers/find-container';
import { waitForEnd } from '@img/runtime/containers/wait-for-end';
import type { Command } from 'commander';
import { addExamples, type CommandContext, onRun, type Session } from '../command.ts';
import { openHost } from '../host/open-host.ts';

export function configure(command: Command, context: CommandContext): void {
  command.argument('<container...>', 'names, ids, or how an id begins');
  command.addHelpText('after', '\nPrints the exit code of each, in their order.');
  addExamples(command, 'img wait web');
  onRun(command, context, async (session, _: object, names: readonly string[]) => wait(session, names));
}

async function wait(session: Session, names: readonly string[]): Promise<void> {
  const { output, signal } = session;
  await using host = await openHost(session);
  const containers = names.map((name) => findContainer(host.state, name));
  const ended = await Promise.all(
    containers.map(async (container) => {
      const { id, name = null } = container;
      const exitCode = isEnded(container)
        ? container.exitCode
        : await waitForEnd(host.state, container, { signal });
      return { id, name, exitCode };
    }),
  );
  output.result(ended, () => ended.map(({ exitCode }) => `${exitCode}`));
}
