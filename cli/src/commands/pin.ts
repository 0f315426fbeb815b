import { parseAppName } from '@img/runtime/apps/app-name';
import { pinApp } from '@img/runtime/apps/roll-back-app';
import type { Command } from 'commander';
import { openApps } from '../apps/open-apps.ts';
import { parseArgument } from '../argument.ts';
import { addExamples, type CommandContext, onRun, type Session } from '../command.ts';

type CommandLine = { readonly off?: boolean };

export function configure(command: Command, context: CommandContext): void {
  command.argument('<app...>', 'names of installed apps').option('--off', 'let them be updated again');
  addExamples(command, 'img pin web', 'img pin --off web');
  onRun(command, context, async (session, line: CommandLine, names: readonly string[]) =>
    pin(session, line, names),
  );
}

async function pin(session: Session, { off }: CommandLine, typed: readonly string[]): Promise<void> {
  const names = typed.map((name) => parseArgument(parseAppName, name));
  const apps = await openApps(session);
  await using _host = apps.host;
  for (const name of names) await apps.host.apps.state(name);
  const isPinned = off !== true;
  for (const name of names) await pinApp(name, isPinned, apps);
  session.output.result({ names, isPinned }, () => names);
}
