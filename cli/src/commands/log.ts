import { entriesOf } from '@img/registry/log/follow-log';
import type { LogSettings } from '@img/registry/log/log-client';
import type { LogDocument } from '@img/registry/log/log-document';
import { RegistryError } from '@img/registry/registry-error';
import { verifyCheckpoint } from '@img/sign/log/checkpoint';
import { readEntry } from '@img/sign/log/read-entry';
import type { RepositoryName } from '@img/spec/repository-name';
import { parseRepositoryName } from '@img/spec/repository-name';
import type { Command } from 'commander';
import { type AccountsOptions, addRegistryOption } from '../accounts/with-accounts.ts';
import { parseArgument } from '../argument.ts';
import { CliError } from '../cli-error.ts';
import { addExamples, type CommandContext, onRun, type Session } from '../command.ts';
import { openHost } from '../host/open-host.ts';
import { openLogs } from '../host/open-logs.ts';
import { typedRegistry } from '../host/typed-registry.ts';
import { describeEntry, entryDocument } from '../log/describe-entry.ts';
import { parseCount } from '../option-values.ts';
import { countOf } from '../output/measure.ts';
import { bold, dim, type Line } from '../output/text.ts';
import { knownLog } from '../sign/find-signature-log.ts';
import { configureAdd, configureVerify } from './log-image.ts';
import { configure as configureMonitor } from './log-monitor.ts';

export function configure(command: Command, context: CommandContext): void {
  command.addHelpText(
    'after',
    '\nA log has every signature of what an organisation owns, in an order that nobody can change unseen. The proof\n' +
      'that a signature is in it goes wherever the signature goes, and hosts may require one: img trust log.',
  );
  configureCreate(command.command('create'), context);
  configureShow(command.command('show'), context);
  configureAdd(command.command('add'), context);
  configureVerify(command.command('verify'), context);
  configureTail(command.command('tail'), context);
  configureMonitor(command.command('monitor'), context);
}

type CreateOptions = AccountsOptions & {
  readonly public?: boolean;
  readonly private?: boolean;
  readonly witness?: readonly string[];
};

function configureCreate(command: Command, context: CommandContext): void {
  addRegistryOption(
    command
      .description('begin the log of an organisation, or change who reads and witnesses it')
      .argument('<organisation>', 'the beginning of the names of its repositories, such as com.example')
      .option('--public', 'let everybody read it')
      .option('--private', 'let only its members read it')
      .option(
        '--witness <key=url...>',
        'who signs that it has seen what the log has: its key and where to ask it; - for nobody',
      ),
  );
  addExamples(
    command,
    'img log create com.example',
    'img log create com.example --public --witness witness.example+1a2b3c4d+BA…=https://witness.example',
  );
  onRun(command, context, create);
}

async function create(session: Session, options: CreateOptions, text: string): Promise<void> {
  const { config, output, signal } = session;
  const organisation = parseArgument(parseRepositoryName, text);
  const witnesses = options.witness?.filter((word) => word !== '-').map(parseWitness);
  await using logs = openLogs(session, typedRegistry(options.registry, config));
  const settings: LogSettings = {
    ...(options.public === true && { visibility: 'public' }),
    ...(options.private === true && { visibility: 'private' }),
    ...(witnesses && { witnesses }),
  };
  const log = await logs.setUp(organisation, settings, { signal }).catch((error: unknown) => {
    if (!(error instanceof RegistryError && error.code === 'CONTENT_MISSING')) throw error;
    throw new RegistryError(error.code, error.message, {
      cause: error,
      hint: `make the organisation first: img org add ${organisation}`,
    });
  });
  showLog(session, log);
  output.story(`hosts require it with: img trust log '${log.key}' --prefix ${log.namespace}.`);
}

function parseWitness(text: string): LogDocument['witnesses'][number] {
  // Base64 may end in equals signs; no address begins with one.
  const [, key, url] = /^(.+?=*)=(https?:\/\/.+)$/.exec(text) ?? [];
  if (key !== undefined && url !== undefined) return { key, url };
  throw new CliError('USAGE', `witness ${JSON.stringify(text)} should be a key, =, and where to ask it`, {
    hint: 'for example witness.example+1a2b3c4d+BA…=https://witness.example',
  });
}

function showLog({ output }: Session, log: LogDocument): void {
  output.result(log, () => [
    [bold(log.namespace), `  ${countOf(log.size, 'entry', 'entries')}, ${log.visibility}`],
    ['key      ', log.key],
    ...log.witnesses.map(({ key, url }): Line => ['witness  ', key, dim(`  ${url}`)]),
  ]);
}

/** @throws RegistryError CONTENT_MISSING */
async function findLog(
  session: Session,
  options: AccountsOptions,
  name: RepositoryName,
): Promise<{ readonly logs: ReturnType<typeof openLogs>; readonly document: LogDocument }> {
  const logs = openLogs(session, typedRegistry(options.registry, session.config));
  const document = await logs.find(name, { signal: session.signal });
  if (document !== undefined) return { logs, document };
  await logs[Symbol.asyncDispose]();
  throw new RegistryError('CONTENT_MISSING', `${logs.host} has no log for ${name}, or none that is for you`, {
    hint: 'img log create begins one; to read a private one, log in with img login',
  });
}

function configureShow(command: Command, context: CommandContext): void {
  addRegistryOption(
    command.description('show the log of a repository or organisation, and its key').argument('<name>'),
  );
  addExamples(command, 'img log show com.example.app');
  onRun(command, context, async (session, options: AccountsOptions, text: string) => {
    const { logs, document } = await findLog(session, options, parseArgument(parseRepositoryName, text));
    await logs[Symbol.asyncDispose]();
    showLog(session, document);
  });
}

type TailOptions = AccountsOptions & { readonly count?: number };

function configureTail(command: Command, context: CommandContext): void {
  addRegistryOption(
    command
      .description('list what was signed last')
      .argument('<name>', 'a repository, or an organisation for all of its own')
      .option('-n, --count <count>', 'how many entries of the log to look at; 10 if not given', parseCount),
  );
  addExamples(command, 'img log tail com.example', 'img log tail com.example.app -n 100');
  onRun(command, context, tail);
}

async function tail(session: Session, options: TailOptions, text: string): Promise<void> {
  const { output, signal } = session;
  const name = parseArgument(parseRepositoryName, text);
  await using host = await openHost(session);
  const { policy } = await host.trust();
  const { logs, document } = await findLog(session, options, name);
  await using _closed = logs;
  const reader = logs.reader(document);
  const log = knownLog(document, policy);
  const { size } = verifyCheckpoint(await reader.checkpoint({ signal }), log.key);
  const keys = [...policy.identities.values()].flatMap((identity) => identity.keys);
  const range = { begin: Math.max(0, size - (options.count ?? 10)), end: size };
  const found = (await Array.fromAsync(entriesOf(reader, range, { signal })))
    .map(([index, entry]) => readEntry(index, entry, keys))
    .filter(({ statement }) => name === document.namespace || statement?.repository === name);
  output.result({ log: log.key.name, size, entries: found.map(entryDocument) }, () =>
    found.map((entry): Line => {
      const owner = entry.key && policy.owners.get(entry.key.fingerprint)?.name;
      const by = owner ?? (entry.keyHint === '' ? 'nobody known' : `unknown key ${entry.keyHint}`);
      return [dim(`${entry.index}  `), describeEntry(entry), '  ', bold(by)];
    }),
  );
  output.story(`${log.key.name} has ${countOf(size, 'entry', 'entries')}`);
}
