import { draftTrustRoot, encodeSignedTrustRoot, type SignedTrustRoot } from '@img/sign/signed-trust-root';
import { emptyTrustDocument } from '@img/sign/trust-document';
import { checkTrustRoot } from '@img/sign/trust-root';
import { unixTime, unixTimeOf } from '@img/sign/unix-time';
import { parseNamePrefix } from '@img/spec/name-prefix';
import { quote } from '@img/spec/quote';
import { parseRepositoryName } from '@img/spec/repository-name';
import type { Command } from 'commander';
import { parseArgument } from '../argument.ts';
import { CliError } from '../cli-error.ts';
import { addExamples, type CommandContext, onRun, type Session } from '../command.ts';
import { findPublicKey } from '../keys/find-public-key.ts';
import { parseCount, parseDuration } from '../option-values.ts';
import { rootDocument, rootLines } from '../trust/describe-root.ts';
import { writeNewFile } from '../write-new-file.ts';

type InitOptions = {
  readonly name: string;
  readonly prefix: readonly string[];
  readonly key: readonly string[];
  readonly require?: number;
  readonly expires: number;
};

const year = 365 * 86_400;

export function configure(command: Command, context: CommandContext): void {
  command
    .description('make a trust root: whom to trust for your images, for many hosts, signed by several people')
    .argument('<file>', 'a new file')
    .requiredOption('--name <name>', 'what hosts know it by, such as com.example')
    .requiredOption('--prefix <prefix...>', 'the names that it may speak for, such as com.example.')
    .requiredOption('--key <key...>', 'the root keys: public keys of those who sign it')
    .option('--require <count>', 'how many of them must; 2 if there are more than one', parseCount)
    .option(
      '--expires <time>',
      'by when a newer version must be there; 1y if not given',
      parseDuration,
      year,
    );
  addExamples(
    command,
    'img trust init root.json --name com.example --prefix com.example. --key a.pub b.pub c.pub --require 2',
    'img trust add ci.pub --prefix com.example. --in root.json',
    'img trust sign root.json --key alice',
  );
  onRun(command, context, init);
}

async function init(session: Session, options: InitOptions, path: string): Promise<void> {
  const { output } = session;
  const keys = [];
  for (const name of options.key) keys.push(await findPublicKey(name, session));
  const root = checkTrustRoot({
    name: parseArgument(parseRepositoryName, options.name),
    version: 1,
    expires: unixTime(unixTimeOf(new Date()) + (options.expires ?? year)),
    keys,
    require: options.require ?? Math.min(2, keys.length),
    prefixes: options.prefix.map((text) => parseArgument(parseNamePrefix, text)),
    document: emptyTrustDocument,
  });
  const draft: SignedTrustRoot = draftTrustRoot(root);
  const text = new TextDecoder().decode(encodeSignedTrustRoot(draft));
  if (!(await writeNewFile(path, text, 0o644))) {
    throw new CliError('FILE_EXISTS', `there is already a file ${quote(path)}`, {
      hint: 'img trust rotate changes the keys of a trust root; choose another name for a new one',
    });
  }
  output.result({ file: path, ...rootDocument(draft) }, () => rootLines(draft, new Date()));
  output.story(`next: img trust add KEY --prefix … --in ${path}, then img trust sign ${path} --key …`);
}
