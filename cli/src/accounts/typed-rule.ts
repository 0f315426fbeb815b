import { type TrustRole, trustIdentity } from '@img/sign/edit-trust';
import { emptyTrustDocument, encodeTrustDocument } from '@img/sign/trust-document';
import { checkRule } from '@img/sign/trust-rule';
import { parseNamePrefix } from '@img/spec/name-prefix';
import { quote } from '@img/spec/quote';
import type { Command } from 'commander';
import { parseArgument } from '../argument.ts';
import { CliError } from '../cli-error.ts';
import type { Session } from '../command.ts';
import { parseCount } from '../option-values.ts';
import { readSmallFile } from '../read-small-file.ts';
import { publicKeyHelp, typedIdentity } from '../trust/typed-identity.ts';

export type RuleOptions = {
  readonly signer?: readonly string[];
  readonly mover?: readonly string[];
  readonly builder?: readonly string[];
  readonly refresher?: readonly string[];
  readonly require?: number;
};

const maxBytes = 1024 * 1024;

const roles = ['signer', 'mover', 'builder', 'refresher'] as const satisfies readonly TrustRole[];

/** Adds the file of a rule, and the options that make one without a file. */
export function addRule(command: Command): Command {
  return command
    .argument('[file]', 'a trust document such as local.json in trust.d, or a signed trust root')
    .option('--signer <key...>', `who may sign, without a file: ${publicKeyHelp}`)
    .option('--require <count>', 'how many of them must; 1 if not given', parseCount)
    .option('--mover <key...>', 'who says what tags mean, if not the signers')
    .option('--builder <key...>', 'who must have attested how images were built')
    .option('--refresher <key...>', 'who may extend how long signatures hold');
}

/**
 * The document of a rule: that of a file, or one made of the options, for a name and everything below it.
 *
 * @throws CliError USAGE, and what keys that can't be read throw
 */
export async function typedRule(
  session: Session,
  options: RuleOptions,
  name: string,
  file: string | undefined,
): Promise<string> {
  const isMade = roles.some((role) => options[role] !== undefined);
  if (file !== undefined && isMade) {
    throw new CliError('USAGE', `file ${quote(file)} says who may sign, and so do the options`, {
      hint: 'give the one or the other',
    });
  }
  if (file !== undefined) return await readRule(file);
  if (options.signer === undefined) {
    throw new CliError('USAGE', 'nothing says who must sign', {
      hint: 'give --signer KEY, or a file such as local.json, in which img trust add writes',
    });
  }
  return await makeRule(session, options, name);
}

async function makeRule(session: Session, options: RuleOptions, name: string): Promise<string> {
  const prefix = parseArgument(parseNamePrefix, name);
  let document = emptyTrustDocument;
  for (const role of roles) {
    for (const key of options[role] ?? []) {
      document = trustIdentity(document, await typedIdentity(key, {}, session), prefix, { role });
    }
  }
  const rules = document.rules.map((rule) =>
    checkRule({ ...rule, require: options.require ?? rule.require }),
  );
  return new TextDecoder().decode(encodeTrustDocument({ ...document, rules }));
}

async function readRule(file: string): Promise<string> {
  const bytes = await readSmallFile(file, { maxBytes });
  if (bytes !== undefined) return new TextDecoder().decode(bytes);
  throw new CliError('USAGE', `there is no file ${quote(file)}`);
}
