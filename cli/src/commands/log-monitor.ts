import { join } from 'node:path';
import type { LogDocument } from '@img/registry/log/log-document';
import { RegistryError } from '@img/registry/registry-error';
import type { KnownLog } from '@img/sign/log/known-log';
import { formatNoteKey, parseNoteKey } from '@img/sign/log/note-key';
import type { PublicKey } from '@img/sign/public-key';
import type { TrustPolicy } from '@img/sign/trust-policy';
import { parseRegistryHost, type RegistryHost } from '@img/spec/registry-host';
import { isRepositoryName, parseRepositoryName, type RepositoryName } from '@img/spec/repository-name';
import { SpecError } from '@img/spec/spec-error';
import type { Command } from 'commander';
import { type AccountsOptions, addRegistryOption } from '../accounts/with-accounts.ts';
import { parseArgument } from '../argument.ts';
import { CliError } from '../cli-error.ts';
import { addExamples, type CommandContext, onRun, type Session } from '../command.ts';
import { exitCodes } from '../exit-code.ts';
import { openHost } from '../host/open-host.ts';
import { openLogs } from '../host/open-logs.ts';
import { typedRegistry } from '../host/typed-registry.ts';
import { findPublicKey } from '../keys/find-public-key.ts';
import { KeyFolder } from '../keys/key-folder.ts';
import { alarmAdvice } from '../log/alarm-advice.ts';
import { describeEntry, entryDocument } from '../log/describe-entry.ts';
import { LogMemory } from '../log/log-memory.ts';
import { type Monitored, monitorLog } from '../log/monitor-log.ts';
import { countOf } from '../output/measure.ts';
import { bold, green, type Line, red } from '../output/text.ts';
import { knownLog } from '../sign/find-signature-log.ts';
import { MadeStatements } from '../sign/made-statements.ts';

type MonitorOptions = AccountsOptions & {
  readonly key?: readonly string[];
  readonly acknowledge?: boolean;
};

/** A log and where it is read. */
type MonitoredLog = {
  readonly host: RegistryHost;
  readonly namespace: RepositoryName;
  readonly log: KnownLog;
};

export function configure(command: Command, context: CommandContext): void {
  command
    .description('read what is new in logs, and alarm on what should not be there')
    .argument('[names...]', 'repositories or organisations; by default all logs that this host trusts')
    .option('--key <key...>', 'keys that only you should have, beside those of img key list')
    .option('--acknowledge', 'what it has alarmed on is no longer of interest');
  addRegistryOption(command);
  command.addHelpText(
    'after',
    '\nIt remembers what it has seen, and ends with 3 if a log no longer has that, shows something else than it has\n' +
      'signed, or has a signature by a key of yours that img sign has not made here. Run it from a timer.',
  );
  addExamples(command, 'img log monitor', 'img log monitor com.example --key ssh:alice@laptop');
  onRun(command, context, monitor);
}

async function monitor(session: Session, options: MonitorOptions, names: readonly string[]): Promise<void> {
  const { config, output, signal } = session;
  await using host = await openHost(session);
  const { policy } = await host.trust();
  const memory = new LogMemory(join(config.rootFolder, 'logs'));
  const logs = await chosen(session, options, names, { policy, memory });
  if (logs.length === 0) {
    throw new CliError('USAGE', 'this host trusts no log', {
      hint: 'name an organisation, or add a log: img trust log',
    });
  }
  const ownKeys = await keysOf(session, options);
  const isOwn = await new MadeStatements(config.keysFolder).read();
  const results: Result[] = [];
  for (const { host: registry, namespace, log } of logs) {
    await using client = openLogs(session, registry);
    const request = { log, reader: client.reader({ namespace }), memory, ownKeys, isOwn, signal };
    const isAcknowledged = options.acknowledge === true;
    try {
      results.push({ name: log.key.name, found: await monitorLog({ ...request, isAcknowledged }) });
    } catch (error) {
      // The other logs are looked at all the same.
      if (!(error instanceof RegistryError && error.code === 'LOG_INCONSISTENT')) throw error;
      results.push({ name: log.key.name, problem: error.message });
    }
  }
  output.result(results.map(resultDocument), () => results.flatMap(resultLines));
  if (results.some(isAlarming)) {
    const isForked = results.some((result) => 'problem' in result);
    const isStrange = results.some((result) => 'found' in result && result.found.alarms.length > 0);
    output.story(...alarmAdvice({ isForked, isStrange }));
    session.setExitCode(exitCodes.notTrusted);
  }
}

type Result =
  | { readonly name: string; readonly found: Monitored }
  | { readonly name: string; readonly problem: string };

function isAlarming(result: Result): boolean {
  return 'problem' in result || result.found.alarms.length > 0;
}

function resultDocument(result: Result) {
  if ('problem' in result) return { log: result.name, isConsistent: false, problem: result.problem };
  const { now, added, strange, alarms } = result.found;
  const { size } = now;
  return { log: result.name, isConsistent: true, size, added, strange: strange.map(entryDocument), alarms };
}

function resultLines(result: Result): readonly Line[] {
  if ('problem' in result) return [[red('alarm  '), bold(result.name), `  ${result.problem}`]];
  const { now, added, strange, alarms } = result.found;
  const older = alarms.filter((index) => !strange.some((entry) => entry.index === index));
  const mark = alarms.length === 0 ? green('ok     ') : red('alarm  ');
  const count = `${countOf(now.size, 'entry', 'entries')}, ${added} new`;
  return [
    [mark, bold(result.name), `  ${count}`],
    ...strange.map((entry): Line => {
      return [
        red('       '),
        `entry ${entry.index}, not made here: ${describeEntry(entry)}  ${entry.key?.fingerprint}`,
      ];
    }),
    ...(older.length === 0 ? [] : [`       not acknowledged yet: entries ${older.join(', ')}`]),
  ];
}

async function keysOf(session: Session, { key = [] }: MonitorOptions): Promise<readonly PublicKey[]> {
  const stored = await new KeyFolder(session.config.keysFolder).list();
  const named = await Promise.all(key.map((text) => findPublicKey(text, session)));
  return [...stored.map(({ publicKey }) => publicKey), ...named];
}

type Knowledge = { readonly policy: TrustPolicy; readonly memory: LogMemory };

async function chosen(
  session: Session,
  options: MonitorOptions,
  names: readonly string[],
  knowledge: Knowledge,
): Promise<readonly MonitoredLog[]> {
  if (names.length === 0) return [...knowledge.policy.logs.values()].flatMap(placed);
  const host = typedRegistry(options.registry, session.config);
  await using client = openLogs(session, host);
  const found = new Map<string, MonitoredLog>();
  for (const text of names) {
    const name = parseArgument(parseRepositoryName, text);
    const document = await client.find(name, { signal: session.signal });
    if (document === undefined) {
      throw new RegistryError('CONTENT_MISSING', `${host} has no log for ${name}, or none that is for you`);
    }
    const log = await believed(session, document, knowledge);
    found.set(log.key.name, { host, namespace: document.namespace, log });
  }
  return [...found.values()];
}

/** A log that is trusted here, or one that has the key that it had when it was seen first. */
async function believed(
  { output }: Session,
  document: LogDocument,
  { policy, memory }: Knowledge,
): Promise<KnownLog> {
  const log = knownLog(document, policy);
  const { name } = log.key;
  if (policy.logs.has(name)) return log;
  const seen = await memory.recall(name);
  if (seen === undefined)
    output.story(`${name} is seen for the first time; its key is ${formatNoteKey(log.key)}`);
  else if (seen.key !== formatNoteKey(log.key)) {
    throw new RegistryError(
      'LOG_INCONSISTENT',
      `the log ${name} has another key than when it was seen first`,
      {
        hint: `with a new key it can show another past; it was ${seen.key}`,
      },
    );
  }
  return { key: parseNoteKey(document.key), witnesses: [], requireWitnesses: 0 };
}

/** Where a log of a registry of img is, which its name says; others are left out. */
function placed(log: KnownLog): readonly MonitoredLog[] {
  const [, host = '', namespace = ''] = /^([^/]+)\/log\/(.+)$/.exec(log.key.name) ?? [];
  if (!isRepositoryName(namespace)) return [];
  try {
    return [{ host: parseRegistryHost(host), namespace, log }];
  } catch (error) {
    if (error instanceof SpecError) return [];
    throw error;
  }
}
