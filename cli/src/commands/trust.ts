import { basename } from 'node:path';
import { loadTrustPolicy } from '@img/runtime/trust/load-trust-policy';
import { distrustIdentity, forgetIdentity, removeRule, trustIdentity } from '@img/sign/edit-trust';
import { type Identity, parseIdentityId, parseIdentityName } from '@img/sign/identity';
import type { TrustPolicy } from '@img/sign/trust-policy';
import { describeRule, displayPrefix, type TrustRule } from '@img/sign/trust-rule';
import { parseNamePrefix } from '@img/spec/name-prefix';
import { nearest } from '@img/spec/nearest';
import { quote } from '@img/spec/quote';
import type { Command } from 'commander';
import { parseArgument } from '../argument.ts';
import { CliError } from '../cli-error.ts';
import { addExamples, type CommandContext, onRun, type Session } from '../command.ts';
import { findPublicKey } from '../keys/find-public-key.ts';
import { parseCount } from '../option-values.ts';
import { tableLines } from '../output/table.ts';
import { bold } from '../output/text.ts';
import { changeLocalTrust, localTrustFile, readLocalTrust } from '../trust/local-trust.ts';

export function configure(command: Command, context: CommandContext): void {
  configureAdd(command.command('add'), context);
  configureList(command.command('list'), context);
  configureShow(command.command('show'), context);
  configureRemove(command.command('remove'), context);
}

type AddOptions = {
  readonly prefix: readonly string[];
  readonly id?: string;
  readonly name?: string;
  readonly require?: number;
};

function configureAdd(command: Command, context: CommandContext): void {
  command
    .description('let somebody sign the images whose names begin with a prefix')
    .argument(
      '<key>',
      'the file of a public key, the name of a key of yours, or ssh:NAME for one of the SSH agent',
    )
    .requiredOption(
      '--prefix <prefix...>',
      'com.example.app, or com.example. for everything below; * for all',
    )
    .option('--name <name>', 'who it is, as "Signed By" shows it; by default the id')
    .option('--id <id>', 'what rules call them; by default the name of the key')
    .option('--require <count>', 'how many of those who may sign have to; 1 for a new rule', parseCount);
  addExamples(
    command,
    'img trust add alice.pub --name Alice --prefix com.example.',
    'img trust add bob.pub --name Bob --prefix com.example. --require 2',
  );
  onRun(command, context, async (session, options: AddOptions, key: string) => {
    const { config, output } = session;
    const identity = await identityFor(key, options, session);
    const prefixes = options.prefix.map((text) => parseArgument(parseNamePrefix, text));
    const threshold = options.require === undefined ? {} : { require: options.require };
    const { rules } = await changeLocalTrust(config.trustFolders, (document) => {
      return prefixes.reduce(
        (edited, prefix) => trustIdentity(edited, identity, prefix, threshold),
        document,
      );
    });
    const changed = prefixes.flatMap((prefix) => rules.get(prefix) ?? []);
    output.result({ identity: identityDocument(identity), rules: changed }, () =>
      changed.map((rule) => `required: ${describeRule(rule)}`),
    );
    output.story(
      `${identity.name} is known by ${identity.keys[0]?.fingerprint}; written to ${localTrustFile(config.trustFolders)}`,
    );
  });
}

async function identityFor(key: string, { id, name }: AddOptions, session: Session): Promise<Identity> {
  const publicKey = await findPublicKey(key, session);
  const word = basename(key)
    .replace(/^ssh:/, '')
    .replace(/\.(?:pub|pem)$/, '')
    .toLowerCase();
  const identityId = parseArgument(parseIdentityId, id ?? word);
  return { id: identityId, name: parseArgument(parseIdentityName, name ?? identityId), keys: [publicKey] };
}

function configureList(command: Command, context: CommandContext): void {
  command.description('list the rules of this host: who must sign which images');
  addExamples(command, 'img trust list');
  onRun(command, context, async ({ config, output }) => {
    const { rules, identities } = await loadTrustPolicy(config.trustFolders);
    if (rules.size === 0) output.story('nobody is trusted; add somebody with img trust add');
    const sorted = [...rules.values()].sort((a, b) => (a.prefix < b.prefix ? -1 : 1));
    output.result({ rules: sorted, identities: [...identities.values()].map(identityDocument) }, () =>
      tableLines([{ title: 'images' }, { title: 'required' }, { title: 'of' }], sorted.map(ruleRow)),
    );
  });
}

function ruleRow({ prefix, require, of }: TrustRule) {
  return [bold(displayPrefix(prefix)), `${require}`, of.length === 0 ? 'nobody' : of.join(', ')];
}

function configureShow(command: Command, context: CommandContext): void {
  command
    .description('show who somebody is and what they may sign')
    .argument('<identity>', 'as img trust list shows it');
  addExamples(command, 'img trust show alice');
  onRun(command, context, async ({ config, output }, _: object, text: string) => {
    const policy = await loadTrustPolicy(config.trustFolders);
    const identity = findIdentity(policy, text);
    const rules = [...policy.rules.values()].filter(({ of }) => of.includes(identity.id));
    output.result({ ...identityDocument(identity), rules }, () => [
      [bold(identity.name), ` (${identity.id})`],
      ...identity.keys.map((key) => `key       ${key.fingerprint}  ${key.algorithm}`),
      ...rules.map((rule) => `may sign  ${describeRule(rule)}`),
    ]);
  });
}

function findIdentity({ identities }: TrustPolicy, text: string): Identity {
  const id = parseArgument(parseIdentityId, text);
  const identity = identities.get(id);
  if (identity !== undefined) return identity;
  const similar = nearest(id, identities.keys());
  throw new CliError('IDENTITY_UNKNOWN', `there is no identity ${quote(text)} among those trusted here`, {
    hint: similar === undefined ? 'img trust list shows them' : `did you mean ${similar}?`,
  });
}

type RemoveOptions = { readonly prefix?: string; readonly require?: number };

function configureRemove(command: Command, context: CommandContext): void {
  command
    .description('take trust back: of somebody, of somebody for a prefix, or a rule as a whole')
    .argument('[identity]', 'whom; without it the rule of the prefix goes')
    .option('--prefix <prefix>', 'for which images; without it for all')
    .option('--require <count>', 'how many of those who are left have to sign', parseCount);
  addExamples(
    command,
    'img trust remove bob',
    'img trust remove bob --prefix com.example. --require 1',
    'img trust remove --prefix com.example.',
  );
  onRun(command, context, async (session, options: RemoveOptions, identity: string | undefined) => {
    await removeTrust(session, options, identity);
  });
}

async function removeTrust(
  { config, output }: Session,
  { prefix: prefixText, require }: RemoveOptions,
  identity: string | undefined,
): Promise<void> {
  const { trustFolders } = config;
  const prefix = prefixText === undefined ? undefined : parseArgument(parseNamePrefix, prefixText);
  const id = identity === undefined ? undefined : (await findLocalIdentity(trustFolders, identity)).id;
  const threshold = require === undefined ? {} : { require };
  const { rules } = await changeLocalTrust(trustFolders, (document) => {
    if (id !== undefined && prefix !== undefined) return distrustIdentity(document, id, prefix, threshold);
    if (id !== undefined) return forgetIdentity(document, id, threshold);
    if (prefix !== undefined) return removeRule(document, prefix);
    throw new CliError('USAGE', 'nothing is named that should be removed', {
      hint: 'name an identity, a --prefix or both',
    });
  });
  output.result({ rules: [...rules.values()] }, () => []);
  const what = id === undefined ? 'the rule' : id;
  const where = prefix === undefined ? '' : ` for ${displayPrefix(prefix)}`;
  output.story(`removed ${what}${where} from ${localTrustFile(trustFolders)}`);
}

async function findLocalIdentity(trustFolders: readonly string[], text: string): Promise<Identity> {
  const identity = findIdentity(await loadTrustPolicy(trustFolders), text);
  const { identities, rules } = await readLocalTrust(trustFolders);
  if (identities.some(({ id }) => id === identity.id) || rules.some(({ of }) => of.includes(identity.id)))
    return identity;
  throw new CliError(
    'IDENTITY_UNKNOWN',
    `${identity.id} is not in ${localTrustFile(trustFolders)} but in another document`,
    {
      hint: `change that document, or hide it with an empty file of its name in the same folder as ours`,
    },
  );
}

function identityDocument({ id, name, keys }: Identity) {
  return { id, name, keys: keys.map((key) => ({ fingerprint: key.fingerprint, ssh: key.toSshLine() })) };
}
