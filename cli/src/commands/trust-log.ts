import { requireLog, requireNoLog } from '@img/sign/edit-log-trust';
import { checkLog, type KnownLog } from '@img/sign/log/known-log';
import { parseNoteKey } from '@img/sign/log/note-key';
import type { TrustDocument } from '@img/sign/trust-document';
import { describeRule } from '@img/sign/trust-rule';
import { parseNamePrefix } from '@img/spec/name-prefix';
import type { Command } from 'commander';
import { parseArgument } from '../argument.ts';
import { CliError } from '../cli-error.ts';
import { addExamples, type CommandContext, onRun, type Session } from '../command.ts';
import { parseCount } from '../option-values.ts';
import { changeLocalTrust, localTrustFile } from '../trust/local-trust.ts';
import { changeRootDocument } from '../trust/root-file.ts';

type LogOptions = {
  readonly prefix: readonly string[];
  readonly witness?: readonly string[];
  readonly require?: number;
  readonly none?: boolean;
  readonly in?: string;
};

export function configure(command: Command, context: CommandContext): void {
  command
    .description('require that what is signed for a prefix is in a transparency log')
    .argument('[key]', 'the key of the log, as img log show prints it')
    .requiredOption('--prefix <prefix...>', 'of rules that are there')
    .option('--witness <key...>', 'keys of witnesses of the log')
    .option('--require <count>', 'how many of them must have seen it; all if not given', parseCount)
    .option('--none', 'require no log any more')
    .option('--in <file>', 'in a trust root instead of on this host');
  addExamples(
    command,
    "img trust log 'reg.example/log/com.example+1a2b3c4d+AT…' --prefix com.example",
    'img trust log --none --prefix com.example',
  );
  onRun(command, context, requireOrNot);
}

async function requireOrNot(session: Session, options: LogOptions, text: string | undefined): Promise<void> {
  const { config, output } = session;
  if ((text === undefined) !== (options.none === true)) {
    throw new CliError('USAGE', 'give the key of a log, or --none', {
      hint: 'img log show NAME prints the key',
    });
  }
  const log = text === undefined ? undefined : logFrom(text, options);
  const prefixes = options.prefix.map((each) => parseArgument(parseNamePrefix, each));
  const change = (document: TrustDocument) =>
    prefixes.reduce(
      (edited, prefix) =>
        log === undefined ? requireNoLog(edited, prefix) : requireLog(edited, log, prefix),
      document,
    );
  const { rules } =
    options.in === undefined
      ? await changeLocalTrust(config.trustFolders, change)
      : await changeRootDocument(options.in, change);
  const changed = prefixes.flatMap((prefix) => rules.get(prefix) ?? []);
  output.result({ rules: changed }, () => changed.map((rule) => `required: ${describeRule(rule)}`));
  const signing = options.in === undefined ? '' : '; the draft has to be signed: img trust sign';
  output.story(`written to ${options.in ?? localTrustFile(config.trustFolders)}${signing}`);
}

function logFrom(text: string, { witness = [], require }: LogOptions): KnownLog {
  const witnesses = witness.map((key) => parseArgument(parseNoteKey, key));
  const key = parseArgument(parseNoteKey, text);
  return parseArgument(
    () => checkLog({ key, witnesses, requireWitnesses: require ?? witnesses.length }),
    text,
  );
}
