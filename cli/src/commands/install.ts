import type { PullPolicy } from '@img/runtime/acquire-image';
import { checkDefinition } from '@img/runtime/apps/app-definition';
import { defaultAppName, parseAppName } from '@img/runtime/apps/app-name';
import { installApp } from '@img/runtime/apps/install-app';
import { unitNames } from '@img/runtime/units/service-unit';
import { type Command, Option } from 'commander';
import { addDefinitionOptions, type DefinitionLine, typedDefinition } from '../apps/definition-options.ts';
import { openApps } from '../apps/open-apps.ts';
import { parseArgument } from '../argument.ts';
import { addExamples, type CommandContext, onRun, type Session } from '../command.ts';
import { RemoteRepository } from '../host/remote-repository.ts';
import { typedReference } from '../host/typed-reference.ts';
import { bold } from '../output/text.ts';

type CommandLine = DefinitionLine & {
  readonly name?: string;
  readonly replace?: boolean;
  /** False for `--no-start`. */
  readonly start?: boolean;
  readonly pull: PullPolicy;
};

export function configure(command: Command, context: CommandContext): void {
  command
    .argument('<image>', 'fetched if this host has none, and verified, now and at every start')
    .argument('[command...]', 'instead of the command of the image')
    .passThroughOptions()
    .helpOption('-h, --help', 'show how to use it')
    .option('--name <name>', 'of the app; the last part of the name of the image unless given')
    .option('--replace', 'install an app of this name in another way; the old one comes back if it fails')
    .option('--no-start', 'only write its units')
    .addOption(
      new Option('--pull <when>', 'when to ask the registry')
        .choices(['missing', 'always', 'never'])
        .default('missing'),
    );
  addDefinitionOptions(command);
  command.addHelpText(
    'after',
    '\nThe app is a unit of systemd, img-NAME.service: systemctl starts, stops and shows it, journalctl has what it\n' +
      'writes, systemctl edit changes it.',
  );
  addExamples(
    command,
    'img install --net host --health http://:8080/healthz com.example.web:stable',
    "img install --range '^1.4' --min-age 48h --window 'Sat,Sun 02:00-04:00' com.example.web",
    'img install --schedule daily --name backup com.example.tool backup',
  );
  onRun(command, context, install);
}

async function install(
  session: Session,
  line: CommandLine,
  image: string,
  words: readonly string[],
): Promise<void> {
  const { config, output, signal } = session;
  const reference = typedReference(image, config);
  const name = parseArgument(parseAppName, line.name ?? defaultAppName(reference.repository));
  const definition = typedDefinition(session, reference, line, words);
  parseArgument(() => checkDefinition(definition), '');
  const apps = await openApps(session);
  await using _host = apps.host;
  await using source = new RemoteRepository(session, reference);
  const generation = await installApp(
    {
      name,
      definition,
      source,
      pull: line.pull,
      isReplacing: line.replace === true,
      isStartedLater: line.start === false,
    },
    apps,
    { progress: output.progress, signal },
  );
  const { service, timer } = unitNames(name);
  const unit = definition.schedule === undefined ? service : timer;
  const { number, digest, signers } = generation;
  output.result({ name, unit, generation: number, digest, signers }, () => [[bold(unit), `  ${digest}`]]);
  const does = line.start === false ? 'is installed' : 'is installed and runs';
  output.story(`${name} ${does}; systemctl status ${unit} shows how it is`);
}
