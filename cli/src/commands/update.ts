import type { AppContext } from '@img/runtime/apps/app-context';
import { parseImage } from '@img/runtime/apps/app-definition';
import { parseAppName } from '@img/runtime/apps/app-name';
import type { ContainerName } from '@img/runtime/state/container-name';
import { type UpdateOutcome, updateApp } from '@img/runtime/updates/update-app';
import type { Command } from 'commander';
import { openApps } from '../apps/open-apps.ts';
import { parseArgument } from '../argument.ts';
import { CliError } from '../cli-error.ts';
import { addExamples, type CommandContext, onRun, type Session } from '../command.ts';
import { exitCodeOf } from '../exit-code.ts';
import { RemoteRepository } from '../host/remote-repository.ts';
import { errorDocument, errorLines } from '../output/error-lines.ts';
import { bold, green, type Line } from '../output/text.ts';

type CommandLine = { readonly all?: boolean; readonly check?: boolean; readonly now?: boolean };

export function configure(command: Command, context: CommandContext): void {
  command
    .argument('[app...]', 'names of installed apps')
    .option('--all', 'all apps but those that were installed with --manual')
    .option('--check', 'only look for newer images')
    .option('--now', 'whatever its window and its least age are');
  command.addHelpText(
    'after',
    '\nA newer image that does not become healthy, or does not stay so, is given up: what ran before runs again, and\n' +
      'the command ends with 10. img-update.timer looks for updates of all apps.',
  );
  addExamples(command, 'img update web', 'img update --all --check');
  onRun(command, context, update);
}

async function update(session: Session, line: CommandLine, typed: readonly string[]): Promise<void> {
  const names = typed.map((name) => parseArgument(parseAppName, name));
  if (names.length > 0 === (line.all === true)) {
    throw new CliError('USAGE', 'img update takes names of apps, or --all');
  }
  const apps = await openApps(session);
  await using _host = apps.host;
  for (const name of names) await apps.host.apps.state(name);
  const [only, ...others] = names;
  if (only !== undefined && others.length === 0) {
    const outcome = await updateOne(only, line, apps, session);
    session.output.result(outcome, () => [outcomeLine(outcome)]);
    return;
  }
  await updateMany(line.all === true ? await automatic(apps) : names, line, apps, session);
}

// One that fails keeps none of the others from its update.
async function updateMany(
  names: readonly ContainerName[],
  line: CommandLine,
  apps: AppContext,
  session: Session,
): Promise<void> {
  const { output, signal, setExitCode } = session;
  const outcomes: (UpdateOutcome | { readonly name: string; readonly error: object })[] = [];
  const lines: Line[] = [];
  for (const name of names) {
    try {
      const outcome = await updateOne(name, line, apps, session);
      outcomes.push(outcome);
      lines.push(outcomeLine(outcome));
    } catch (error) {
      signal.throwIfAborted();
      output.error([[bold(`${name}: `)], ...errorLines(error, { verbose: output.isVerbose })]);
      outcomes.push({ name, error: errorDocument(error) });
      setExitCode(exitCodeOf(error));
    }
  }
  output.result(outcomes, () => lines);
}

async function updateOne(
  name: ContainerName,
  { check, now }: CommandLine,
  apps: AppContext,
  session: Session,
): Promise<UpdateOutcome> {
  const { output, signal } = session;
  const { current } = await apps.host.apps.state(name);
  const { definition } = await apps.host.apps.generation(name, current);
  await using source = new RemoteRepository(session, parseImage(definition.image));
  return await updateApp({ name, source, isCheck: check === true, isForced: now === true }, apps, {
    progress: output.progress,
    signal,
  });
}

async function automatic({ host: { apps } }: AppContext): Promise<readonly ContainerName[]> {
  const names = await apps.list();
  const isAutomatic = await Promise.all(
    names.map(async (name) => {
      const { current } = await apps.state(name);
      return (await apps.generation(name, current)).definition.update?.policy !== 'manual';
    }),
  );
  return names.filter((_, index) => isAutomatic[index]);
}

function outcomeLine({ name, outcome, text, found }: UpdateOutcome): Line {
  const word = outcome === 'updated' ? green(outcome) : outcome;
  const image = found === undefined ? '' : `${found.source}@${found.digest}: `;
  return [bold(name), '  ', word, `  ${image}${text}`];
}
