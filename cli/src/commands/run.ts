import type { PullPolicy } from '@img/runtime/acquire-image';
import { parseSeconds } from '@img/runtime/apps/duration';
import { parseHealthCheck } from '@img/runtime/apps/health-check';
import type { InstalledImage } from '@img/runtime/install-image';
import { runImage, type StartImageRequest, startImage } from '@img/runtime/run-image';
import { parseContainerName } from '@img/runtime/state/container-name';
import type { RuntimeName } from '@img/runtime/state/container-record';
import type { Decision } from '@img/sign/decision';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { parseArgument } from '../argument.ts';
import { CliError } from '../cli-error.ts';
import { addExamples, type CommandContext, onRun, type Session } from '../command.ts';
import { addAppOptions } from '../host/add-app-options.ts';
import { addConfinementOptions } from '../host/add-confinement-options.ts';
import { addNetworkOptions } from '../host/add-network-options.ts';
import { type AppCommandLine, appOptions } from '../host/app-options.ts';
import { decisionLines } from '../host/decision-lines.ts';
import { inUserNamespace } from '../host/in-user-namespace.ts';
import { openHost } from '../host/open-host.ts';
import { RemoteRepository } from '../host/remote-repository.ts';
import { shortName } from '../host/short-name.ts';
import { typedReference } from '../host/typed-reference.ts';
import { parseCount } from '../option-values.ts';
import type { Output } from '../output/output.ts';

type CommandLine = AppCommandLine & {
  readonly pull: PullPolicy;
  readonly runtime?: RuntimeName;
  readonly detach?: boolean;
  readonly rm?: boolean;
  readonly health?: string;
  readonly healthTimeout?: string;
  readonly name?: string;
  readonly replace?: boolean;
};

export function configure(command: Command, context: CommandContext): void {
  command
    .argument('<image>', 'fetched if this host has none, and verified')
    .argument('[command...]', 'instead of the command of the image')
    .passThroughOptions()
    .helpOption('-h, --help', 'show how to use it');
  addLifeOptions(command);
  addAppOptions(command);
  addTerminalOptions(command);
  addHostOptions(command);
  addConfinementOptions(command);
  command.addHelpText(
    'after',
    '\nThe exit code is that of the app; with --detach, 0 as soon as the app runs. Its id is printed then.\n\n' +
      'With --health that is as soon as it is healthy. Ports are asked for in the network of the app. Nothing of img stays\n' +
      'to ask again: img ps --health, img inspect --health and img wait --condition healthy do, whenever they are used.',
  );
  addExamples(
    command,
    'img run com.example.app',
    'img run -e PORT=80 --publish 8080:80 com.example.app',
    'img run -it com.example.app /bin/sh',
    'img run --detach --name web --replace --health http://:80/ com.example.app',
  );
  onRun(command, context, run);
}

function addLifeOptions(command: Command): void {
  command
    .option('-d, --detach', 'let it run on; see img logs, img attach, img stop, img wait')
    .option('--name <name>', 'call the container so')
    .option('--replace', 'stop and remove the container that has the name')
    .option('--rm', 'with --detach: remove it when it ends, with what it wrote')
    .option(
      '--health <check>',
      'with --detach: http://:PORT/PATH, tcp://:PORT, or a command in the container',
    )
    .option('--health-timeout <time>', 'how long it may take to become healthy, 60s; then it is ended');
}

function addTerminalOptions(command: Command): void {
  command
    .option('-i, --interactive', 'let the app read what is typed')
    .option('-t, --tty', 'give the app a terminal');
}

function addHostOptions(command: Command): void {
  const group = 'Host:';
  const options = [
    new Option('-m, --memory <size>', 'most memory, such as 512m'),
    new Option('--cpus <count>', 'most processors, such as 1.5').argParser(parseCpus),
    new Option('--pids <count>', 'most processes and threads').argParser(parseCount),
    new Option('--pull <when>', 'when to ask the registry')
      .choices(['missing', 'always', 'never'])
      .default('missing'),
    new Option('--runtime <name>', 'instead of what fits this host; see img doctor').choices([
      'crun',
      'runc',
      'nspawn',
    ]),
  ];
  addNetworkOptions(command, group);
  for (const option of options) command.addOption(option.helpGroup(group));
}

async function run(
  session: Session,
  line: CommandLine,
  image: string,
  words: readonly string[],
): Promise<void> {
  const { config, output, signal } = session;
  checkLine(line);
  const name = line.name === undefined ? undefined : parseArgument(parseContainerName, line.name);
  const reference = typedReference(image, config);
  await inUserNamespace(session, { isNeeded: true });
  await using host = await openHost(session);
  await using remote = new RemoteRepository(session, reference);
  const request = {
    reference,
    remote,
    options: appOptions(session, line, words),
    pull: line.pull,
    insecure: line.insecure ?? [],
    isReplacing: line.replace === true,
    ...(name === undefined ? {} : { name }),
    ...(line.runtime === undefined ? {} : { runtime: line.runtime }),
    beforeLaunch: async ({ decision }: InstalledImage) => {
      await remote[Symbol.asyncDispose]();
      announce(decision, shortName(reference, config), output);
      output.end();
    },
  };
  const fetchOptions = { progress: output.progress, signal };
  if (line.detach !== true) await runImage(request, host, fetchOptions);
  const atEnd = line.rm === true ? 'removed' : 'kept';
  const health = typedHealth(line);
  const { id, digest } = await startImage({ ...request, atEnd, ...health }, host, fetchOptions);
  output.result({ id, name: name ?? null, digest }, () => [id]);
}

const defaultHealthTimeout = '60s';

/** @throws CliError USAGE */
function typedHealth({ health: check, healthTimeout }: CommandLine): Pick<StartImageRequest, 'health'> {
  if (check === undefined) return {};
  parseArgument(parseHealthCheck, check);
  const parse = (text: string) => parseSeconds(text, '--health-timeout');
  return { health: { check, timeoutMs: parseArgument(parse, healthTimeout ?? defaultHealthTimeout) * 1000 } };
}

function checkLine(line: CommandLine): void {
  const { detach, name, replace, health, healthTimeout } = line;
  if (detach !== true && health !== undefined) {
    throw new CliError('USAGE', 'an app in the foreground is not asked for its health', {
      hint: 'leave out --health, or let it run on with --detach',
    });
  }
  if (health === undefined && healthTimeout !== undefined) {
    throw new CliError('USAGE', '--health-timeout needs --health');
  }
  typedHealth(line);

  if (replace === true && name === undefined) {
    throw new CliError('USAGE', '--replace needs --name: the name of the container whose place is taken');
  }
}

function announce(decision: Decision, name: string, output: Output): void {
  if (decision.trusted) output.remark(...decisionLines(decision, name, new Date()));
  else output.warn(`NOT VERIFIED, as you asked: ${decision.message}`);
}

function parseCpus(text: string): number {
  if (/^\d{1,4}(?:\.\d{1,3})?$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It should be a number such as 2 or 0.5.');
}
