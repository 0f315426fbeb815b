import { parseAppName } from '@img/runtime/apps/app-name';
import { rollBackApp } from '@img/runtime/apps/roll-back-app';
import type { Command } from 'commander';
import { openApps } from '../apps/open-apps.ts';
import { parseArgument } from '../argument.ts';
import { addExamples, type CommandContext, onRun, type Session } from '../command.ts';
import { parseCount } from '../option-values.ts';
import { bold } from '../output/text.ts';

export function configure(command: Command, context: CommandContext): void {
  command
    .argument('<app>', 'the name of an installed app')
    .argument(
      '[generation]',
      'as img history counts; the last good one before the current one unless given',
      parseCount,
    );
  command.addHelpText('after', '\nUpdates leave out what it was until now, and wait for something newer.');
  addExamples(command, 'img rollback web', 'img rollback web 3');
  onRun(command, context, async (session, _: object, name: string, number?: number) =>
    rollBack(session, name, number),
  );
}

async function rollBack(session: Session, typed: string, asked: number | undefined): Promise<void> {
  const { output, signal } = session;
  const name = parseArgument(parseAppName, typed);
  const apps = await openApps(session);
  await using _host = apps.host;
  const { number, source, digest } = await rollBackApp(name, asked, apps, {
    progress: output.progress,
    signal,
  });
  output.result({ name, generation: number, source, digest }, () => [
    [bold(name), `  generation ${number}: ${source}@${digest}`],
  ]);
}
