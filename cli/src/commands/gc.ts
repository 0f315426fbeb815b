import type { Command } from 'commander';
import { addExamples, type CommandContext, onRun, type Session } from '../command.ts';
import { openHost } from '../host/open-host.ts';
import { countOf } from '../output/measure.ts';

export function configure(command: Command, context: CommandContext): void {
  command.addHelpText(
    'after',
    '\nWhat an image of this host or a running container needs stays, and so does what commands are fetching now.',
  );
  addExamples(command, 'img gc');
  onRun(command, context, collectGarbage);
}

async function collectGarbage(session: Session): Promise<void> {
  const { output } = session;
  await using host = await openHost(session);
  const deleted = await host.collectGarbage();
  output.result({ deleted }, () => deleted);
  output.story(`removed ${countOf(deleted.length, 'piece')} of content`);
}
