import type { Command } from 'commander';
import { addExamples, type CommandContext, onRun, type Session } from '../command.ts';
import { inUserNamespace } from '../host/in-user-namespace.ts';
import { openHost } from '../host/open-host.ts';
import { countOf, formatBytes } from '../output/measure.ts';

type CommandLine = { readonly dryRun?: boolean };

export function configure(command: Command, context: CommandContext): void {
  command.option('-n, --dry-run', 'only say what would be removed');
  command.addHelpText(
    'after',
    '\nWhat an image of this host or a running container needs stays, and so does what commands are fetching now.',
  );
  addExamples(command, 'img gc', 'img gc --dry-run');
  onRun(command, context, collectGarbage);
}

async function collectGarbage(session: Session, { dryRun }: CommandLine): Promise<void> {
  const { output } = session;
  await inUserNamespace(session, { isJudging: false });
  await using host = await openHost(session);
  if (dryRun === true) {
    const garbage = await host.findGarbage();
    const digests = garbage.map(({ digest }) => digest);
    const sizeBytes = garbage.reduce((sum, piece) => sum + piece.sizeBytes, 0);
    output.result({ garbage, sizeBytes }, () => digests);
    output.story(
      `${countOf(garbage.length, 'piece')} of content would be removed, ${formatBytes(sizeBytes)}`,
    );
    return;
  }
  const deleted = await host.collectGarbage();
  output.result({ deleted }, () => deleted);
  output.story(`removed ${countOf(deleted.length, 'piece')} of content`);
}
