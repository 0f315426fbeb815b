import module from 'node:module';
import { parseAppName } from '@img/runtime/apps/app-name';
import { startApp } from '@img/runtime/apps/start-app';
import type { ContainerName } from '@img/runtime/state/container-name';
import { unitNames } from '@img/runtime/units/service-unit';
import { type Command, Option } from 'commander';
import { openApps } from '../apps/open-apps.ts';
import { parseArgument } from '../argument.ts';
import { addExamples, type CommandContext, onRun, type Session } from '../command.ts';
import { decisionLines } from '../host/decision-lines.ts';
import { openHost } from '../host/open-host.ts';

type CommandLine = { readonly inUnit?: boolean };

export function configure(command: Command, context: CommandContext): void {
  command
    .argument('<app...>', 'names of installed apps')
    .addOption(new Option('--in-unit', 'this is what the unit runs').hideHelp());
  addExamples(command, 'img start web');
  onRun(command, context, async (session, line: CommandLine, typed: readonly string[]) => {
    const names = typed.map((name) => parseArgument(parseAppName, name));
    const [first] = names;
    if (line.inUnit === true && first !== undefined) await startHere(session, first);
    else await startUnits(session, names);
  });
}

async function startUnits(session: Session, names: readonly ContainerName[]): Promise<void> {
  const apps = await openApps(session);
  await using _host = apps.host;
  for (const name of names) await apps.host.apps.state(name);
  for (const name of names) await apps.systemd.start(unitNames(name).service);
  session.output.result({ names }, () => names);
}

async function startHere(session: Session, name: ContainerName): Promise<void> {
  const { output, environment, signal } = session;
  await using host = await openHost(session);
  await startApp(name, host, {
    variables: environment.variables,
    progress: output.progress,
    signal,
    beforeLaunch: ({ decision }, { source, digest }) => {
      if (decision.trusted) output.story(...decisionLines(decision, `${source}@${digest}`, new Date()));
      else output.warn(`NOT VERIFIED, as its installation allows: ${decision.message}`);
      output.end();
      module.flushCompileCache();
      return Promise.resolve();
    },
  });
}
