import { parseAppName } from '@img/runtime/apps/app-name';
import { uninstallApp } from '@img/runtime/apps/install-app';
import type { Command } from 'commander';
import { openApps } from '../apps/open-apps.ts';
import { parseArgument } from '../argument.ts';
import { addExamples, type CommandContext, onRun, type Session } from '../command.ts';

export function configure(command: Command, context: CommandContext): void {
  command.argument('<app...>', 'names of installed apps');
  addExamples(command, 'img uninstall web');
  onRun(command, context, async (session, _: object, names: readonly string[]) => uninstall(session, names));
}

async function uninstall(session: Session, typed: readonly string[]): Promise<void> {
  const names = typed.map((name) => parseArgument(parseAppName, name));
  const apps = await openApps(session);
  await using _host = apps.host;
  // All are looked up before the first is ended, so that a typing mistake ends nothing.
  const known = await apps.host.apps.list();
  for (const name of names) if (!known.includes(name)) await apps.host.apps.state(name);
  for (const name of names) await uninstallApp(name, apps);
  session.output.result({ names }, () => names);
}
