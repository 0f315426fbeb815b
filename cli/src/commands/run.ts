import module from 'node:module';
import type { PullPolicy } from '@img/runtime/acquire-image';
import { parseByteSize } from '@img/runtime/config/byte-size';
import type { Network, RunOptions } from '@img/runtime/config/run-options';
import { parseBindMount, parseScratchMount } from '@img/runtime/config/storage';
import type { InsecureItem, InstalledImage } from '@img/runtime/install-image';
import { runImage } from '@img/runtime/run-image';
import type { RuntimeName } from '@img/runtime/state/container-record';
import type { Decision } from '@img/sign/decision';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { parseArgument } from '../argument.ts';
import { addExamples, type CommandContext, onRun, type Session } from '../command.ts';
import type { Environment } from '../environment.ts';
import { decisionLines } from '../host/decision-lines.ts';
import { openHost } from '../host/open-host.ts';
import { RemoteRepository } from '../host/remote-repository.ts';
import { shortName } from '../host/short-name.ts';
import { typedReference } from '../host/typed-reference.ts';
import { parseCount } from '../option-values.ts';
import type { Output } from '../output/output.ts';

type CommandLine = {
  readonly pull: PullPolicy;
  readonly insecure?: readonly InsecureItem[];
  readonly runtime?: RuntimeName;
  readonly env?: readonly string[];
  readonly volume?: readonly string[];
  readonly tmpfs?: readonly string[];
  readonly net: Network;
  readonly user?: string;
  readonly workdir?: string;
  readonly hostname?: string;
  readonly entrypoint?: string;
  readonly writable?: boolean;
  readonly tty?: boolean;
  readonly interactive?: boolean;
  readonly memory?: string;
  readonly cpus?: number;
  readonly pids?: number;
};

export function configure(command: Command, context: CommandContext): void {
  command
    .argument('<image>', 'fetched if this host has none, and verified')
    .argument('[command...]', 'instead of the command of the image')
    .passThroughOptions()
    .helpOption('-h, --help', 'show how to use it');
  addAppOptions(command);
  addHostOptions(command);
  command.addHelpText('after', '\nThe exit code is that of the app.');
  addExamples(
    command,
    'img run com.example.app',
    'img run -e PORT=8080 --net host com.example.app',
    'img run -it com.example.app /bin/sh',
  );
  onRun(command, context, run);
}

function addAppOptions(command: Command): void {
  command
    .option('-e, --env <name=value>', 'set a variable, or pass on one of yours', collect)
    .option('-v, --volume <source:destination[:ro]>', 'show a file or folder of the host', collect)
    .option('--tmpfs <destination[:options]>', 'a folder in memory', collect)
    .option('-u, --user <user[:group]>', 'instead of the user of the image')
    .option('-w, --workdir <folder>', 'instead of the folder of the image')
    .option('--entrypoint <program>', 'instead of the program of the image')
    .option('--hostname <name>', 'what the app sees as its host')
    .option('--writable', 'let the app write everywhere; what it writes ends with it')
    .option('-i, --interactive', 'let the app read what is typed')
    .option('-t, --tty', 'give the app a terminal');
}

function addHostOptions(command: Command): void {
  const group = 'Host:';
  const options = [
    new Option('--net <network>', 'none, or that of the host').choices(['none', 'host']).default('none'),
    new Option('-m, --memory <size>', 'most memory, such as 512m'),
    new Option('--cpus <count>', 'most processors, such as 1.5').argParser(parseCpus),
    new Option('--pids <count>', 'most processes and threads').argParser(parseCount),
    new Option('--pull <when>', 'when to ask the registry')
      .choices(['missing', 'always', 'never'])
      .default('missing'),
    new Option('--runtime <name>', 'instead of what fits this host').choices(['crun', 'runc']),
    new Option(
      '--insecure <item>',
      'give up a protection: signature starts what nobody trusted has signed',
    ).argParser(collectInsecure),
  ];
  for (const option of options) command.addOption(option.helpGroup(group));
}

async function run(
  session: Session,
  line: CommandLine,
  image: string,
  words: readonly string[],
): Promise<void> {
  const { config, output, signal } = session;
  const reference = typedReference(image, config);
  await using host = await openHost(session);
  await using remote = new RemoteRepository(session, reference);
  const request = {
    reference,
    remote,
    options: appOptions(session, line, words),
    pull: line.pull,
    insecure: line.insecure ?? [],
    ...(line.runtime === undefined ? {} : { runtime: line.runtime }),
    beforeLaunch: async ({ decision }: InstalledImage) => {
      await remote[Symbol.asyncDispose]();
      announce(decision, shortName(reference, config), output);
      output.end();
      // What would be written at the end of this process, which never comes.
      module.flushCompileCache();
    },
  };
  await runImage(request, host, { progress: output.progress, signal });
}

function announce(decision: Decision, name: string, output: Output): void {
  if (decision.trusted) output.remark(...decisionLines(decision, name, new Date()));
  else output.warn(`NOT VERIFIED, as you asked: ${decision.message}`);
}

function appOptions({ environment }: Session, line: CommandLine, command: readonly string[]): RunOptions {
  const { user, workdir, hostname, entrypoint, cpus, pids, memory } = line;
  const mounts = [
    ...(line.volume ?? []).map((text) =>
      parseArgument((typed) => parseBindMount(typed, environment.workingFolder), text),
    ),
    ...(line.tmpfs ?? []).map((text) => parseArgument(parseScratchMount, text)),
  ];
  return {
    env: (line.env ?? []).flatMap((text) => variableOf(text, environment)),
    mounts,
    network: line.net,
    isWritable: line.writable === true,
    hasTerminal: line.tty === true,
    isInteractive: line.interactive === true,
    ...(command.length === 0 ? {} : { command }),
    ...(entrypoint === undefined ? {} : { entrypoint: [entrypoint] }),
    ...(user === undefined ? {} : { user }),
    ...(workdir === undefined ? {} : { workingDir: workdir }),
    ...(hostname === undefined ? {} : { hostname }),
    ...(cpus === undefined ? {} : { cpus }),
    ...(pids === undefined ? {} : { pids }),
    ...(memory === undefined
      ? {}
      : { memoryBytes: parseArgument((typed) => parseByteSize(typed, 'memory'), memory) }),
  };
}

/** `NAME=value` as it is; `NAME` with the caller's own value, if there is one. */
function variableOf(text: string, { variables }: Environment): readonly string[] {
  if (text.includes('=')) return [text];
  const value = variables[text];
  return value === undefined ? [] : [`${text}=${value}`];
}

function collect(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text];
}

function collectInsecure(text: string, before: readonly InsecureItem[] = []): readonly InsecureItem[] {
  if (text === 'signature') return [...before, text];
  throw new InvalidArgumentError('It should be signature.');
}

function parseCpus(text: string): number {
  if (/^\d{1,4}(?:\.\d{1,3})?$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It should be a number such as 2 or 0.5.');
}
