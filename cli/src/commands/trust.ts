import { type TrustRole, trustIdentity } from '@img/sign/edit-trust';
import type { Identity } from '@img/sign/identity';
import type { TrustDocument } from '@img/sign/trust-document';
import { describeRule } from '@img/sign/trust-rule';
import { parseNamePrefix } from '@img/spec/name-prefix';
import { type Command, Option } from 'commander';
import { parseArgument } from '../argument.ts';
import { addExamples, type CommandContext, onRun } from '../command.ts';
import { parseCount } from '../option-values.ts';
import { identityDocument } from '../trust/find-identity.ts';
import { changeLocalTrust, localTrustFile } from '../trust/local-trust.ts';
import { changeRootDocument } from '../trust/root-file.ts';
import { type IdentityOptions, publicKeyHelp, typedIdentity } from '../trust/typed-identity.ts';
import { configure as configureExplain } from './trust-explain.ts';
import { configure as configureImport } from './trust-import.ts';
import { configure as configureInit } from './trust-init.ts';
import { configureList, configureShow } from './trust-list.ts';
import { configure as configureLog } from './trust-log.ts';
import { configure as configureRemove } from './trust-remove.ts';
import { configure as configureRevoke } from './trust-revoke.ts';
import { configure as configureRotate } from './trust-rotate.ts';
import { configure as configureSign } from './trust-sign.ts';

export function configure(command: Command, context: CommandContext): void {
  configureAdd(command.command('add'), context);
  configureRemove(command.command('remove'), context);
  configureRevoke(command.command('revoke'), context);
  configureLog(command.command('log'), context);
  configureList(command.command('list'), context);
  configureShow(command.command('show'), context);
  configureExplain(command.command('explain'), context);
  configureInit(command.command('init'), context);
  configureSign(command.command('sign'), context);
  configureRotate(command.command('rotate'), context);
  configureImport(command.command('import'), context);
}

type AddOptions = IdentityOptions & {
  readonly prefix: readonly string[];
  readonly require?: number;
  readonly in?: string;
  readonly role?: TrustRole;
};

function configureAdd(command: Command, context: CommandContext): void {
  command
    .description('let somebody sign the images whose names begin with a prefix')
    .argument('<key>', publicKeyHelp)
    .requiredOption(
      '--prefix <prefix...>',
      'com.example.app, or com.example. for everything below; * for all',
    )
    .option('--name <name>', 'who it is, as "Signed By" shows it; by default the id')
    .option('--id <id>', 'what rules call them; by default the name of the key')
    .option('--require <count>', 'how many of those who may sign have to; 1 for a new rule', parseCount)
    .addOption(
      new Option(
        '--role <role>',
        'signer (the default); refresher: may only extend how long signatures hold; mover: says what tags mean, instead of the signers; builder: must have attested how the image was built',
      ).choices(['signer', 'refresher', 'mover', 'builder']),
    )
    .option('--in <file>', 'in a trust root instead of on this host');
  addExamples(
    command,
    'img trust add alice.pub --name Alice --prefix com.example.',
    'img trust add bob.pub --name Bob --prefix com.example. --require 2',
  );
  onRun(command, context, async (session, options: AddOptions, key: string) => {
    const { config, output } = session;
    const identity = await typedIdentity(key, options, session);
    const prefixes = options.prefix.map((text) => parseArgument(parseNamePrefix, text));
    const { require, role } = options;
    const rule = { ...(require !== undefined && { require }), ...(role !== undefined && { role }) };
    const change = (document: TrustDocument) => {
      const known = options.id === undefined && options.name === undefined && knownAs(document, identity);
      return prefixes.reduce(
        (edited, prefix) => trustIdentity(edited, known || identity, prefix, rule),
        document,
      );
    };
    const { rules, owners } =
      options.in === undefined
        ? await changeLocalTrust(config.trustFolders, change)
        : await changeRootDocument(options.in, change);
    const changed = prefixes.flatMap((prefix) => rules.get(prefix) ?? []);
    const trusted = identity.keys.map(({ fingerprint }) => owners.get(fingerprint))[0] ?? identity;
    output.result({ identity: identityDocument(trusted), rules: changed }, () =>
      changed.map((rule) => `required: ${describeRule(rule)}`),
    );
    output.story(
      `${trusted.name} is known by ${identity.keys[0]?.fingerprint}; written to ${options.in ?? localTrustFile(config.trustFolders)}`,
    );
  });
}

/** The identity that has the key already: whoever gives no name means that one. */
function knownAs({ identities }: TrustDocument, { keys: [key] }: Identity): Identity | undefined {
  return identities.find(({ keys }) => keys.some(({ fingerprint }) => fingerprint === key?.fingerprint));
}
