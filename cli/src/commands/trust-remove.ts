import { join } from 'node:path';
import { loadTrustPolicy } from '@img/runtime/trust/load-trust-policy';
import { type FoundTrustFile, readTrustFiles } from '@img/runtime/trust/trust-files';
import { distrustIdentity, forgetIdentity, removeRule } from '@img/sign/edit-trust';
import { type Identity, type IdentityId, parseIdentityId } from '@img/sign/identity';
import type { TrustDocument } from '@img/sign/trust-document';
import { displayPrefix, identitiesIn } from '@img/sign/trust-rule';
import { type NamePrefix, parseNamePrefix } from '@img/spec/name-prefix';
import type { Command } from 'commander';
import { parseArgument } from '../argument.ts';
import { CliError } from '../cli-error.ts';
import { addExamples, type CommandContext, onRun, type Session } from '../command.ts';
import { parseCount } from '../option-values.ts';
import { findIdentity } from '../trust/find-identity.ts';
import {
  changeLocalTrust,
  changeTrustFile,
  localTrustFile,
  localTrustFolder,
  readLocalTrust,
} from '../trust/local-trust.ts';
import { changeRootDocument } from '../trust/root-file.ts';

type RemoveOptions = { readonly prefix?: string; readonly require?: number; readonly in?: string };

export function configure(command: Command, context: CommandContext): void {
  command
    .description('take trust back: of somebody, of somebody for a prefix, of a rule, or of a trust root')
    .argument('[name]', 'of an identity or a trust root; without it the rule of the prefix goes')
    .option('--prefix <prefix>', 'for which images; without it for all')
    .option('--require <count>', 'how many of those who are left have to sign', parseCount)
    .option('--in <file>', 'in a trust root instead of on this host');
  addExamples(
    command,
    'img trust remove bob',
    'img trust remove bob --prefix com.example. --require 1',
    'img trust remove --prefix com.example.',
  );
  onRun(command, context, remove);
}

async function remove(session: Session, options: RemoveOptions, name: string | undefined): Promise<void> {
  const { config, output } = session;
  const { trustFolders } = config;
  const prefix = options.prefix === undefined ? undefined : parseArgument(parseNamePrefix, options.prefix);
  if (options.in !== undefined) {
    const id = name === undefined ? undefined : parseArgument(parseIdentityId, name);
    const { rules } = await changeRootDocument(options.in, change({ id, prefix, require: options.require }));
    output.result({ rules: [...rules.values()] }, () => []);
    output.story(
      `removed ${whatOf(id, prefix)} from ${options.in}; the draft has to be signed: img trust sign`,
    );
    return;
  }
  const root = name === undefined ? undefined : await findRoot(trustFolders, name);
  if (root !== undefined && prefix === undefined) return await removeRoot(session, root);
  const id = name === undefined ? undefined : (await findLocalIdentity(trustFolders, name)).id;
  const { rules } = await changeLocalTrust(trustFolders, change({ id, prefix, require: options.require }));
  output.result({ rules: [...rules.values()] }, () => []);
  output.story(`removed ${whatOf(id, prefix)} from ${localTrustFile(trustFolders)}`);
}

type Removal = {
  readonly id: IdentityId | undefined;
  readonly prefix: NamePrefix | undefined;
  readonly require: number | undefined;
};

function change({ id, prefix, require }: Removal): (document: TrustDocument) => TrustDocument {
  const threshold = require === undefined ? {} : { require };
  return (document) => {
    if (id !== undefined && prefix !== undefined) return distrustIdentity(document, id, prefix, threshold);
    if (id !== undefined) return forgetIdentity(document, id, threshold);
    if (prefix !== undefined) return removeRule(document, prefix);
    throw new CliError('USAGE', 'nothing is named that should be removed', {
      hint: 'name an identity, a trust root, a --prefix, or an identity and a --prefix',
    });
  };
}

function whatOf(id: IdentityId | undefined, prefix: NamePrefix | undefined): string {
  return `${id ?? 'the rule'}${prefix === undefined ? '' : ` for ${displayPrefix(prefix)}`}`;
}

async function findRoot(trustFolders: readonly string[], name: string): Promise<FoundTrustFile | undefined> {
  return (await readTrustFiles(trustFolders)).find(({ root }) => root?.name === name);
}

/** An empty file also hides one of the same name in a folder of lower rank, which is the work of others. */
async function removeRoot({ config, output }: Session, root: FoundTrustFile): Promise<void> {
  const { trustFolders } = config;
  await changeTrustFile(trustFolders, async () => ({ name: root.name, bytes: new Uint8Array() }));
  output.result({ root: root.root?.name }, () => []);
  output.story(
    `removed the trust root ${root.root?.name}: ${join(localTrustFolder(trustFolders), root.name)} is empty now`,
  );
}

async function findLocalIdentity(trustFolders: readonly string[], text: string): Promise<Identity> {
  const identity = findIdentity(await loadTrustPolicy(trustFolders), text);
  const { identities, rules } = await readLocalTrust(trustFolders);
  if (
    identities.some(({ id }) => id === identity.id) ||
    rules.some((rule) => identitiesIn(rule).includes(identity.id))
  )
    return identity;
  throw new CliError(
    'IDENTITY_UNKNOWN',
    `${identity.id} is not in ${localTrustFile(trustFolders)} but in another document`,
    {
      hint: `change that document, or hide it with an empty file of its name in the same folder as ours`,
    },
  );
}
