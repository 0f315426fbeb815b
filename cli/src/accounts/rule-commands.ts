import type { AccountsClient, CallOptions } from '@img/registry/accounts/accounts-client';
import type { AnswerOf } from '@img/registry/accounts/api-routes';
import type { Command } from 'commander';
import { addExamples, type CommandContext, onRun, type Session } from '../command.ts';
import { openAccounts } from '../host/open-accounts.ts';
import { typedRepository } from '../host/typed-reference.ts';
import { bold } from '../output/text.ts';
import { addRule, type RuleOptions, typedRule } from './typed-rule.ts';
import { type AccountsOptions, addRegistryOption, withAccounts } from './with-accounts.ts';

type ShowOptions = AccountsOptions & { readonly raw?: boolean };

/** Where rules stand, and how the API does it there. */
const places = {
  organisation: {
    word: 'org',
    name: 'com.example',
    find: (accounts: AccountsClient, organisation: string, options: CallOptions) =>
      accounts.call('findOrganisationRule', { organisation }, undefined, options),
    put: (accounts: AccountsClient, organisation: string, document: string, options: CallOptions) =>
      accounts.call('putOrganisationRule', { organisation }, { document }, options),
    remove: (accounts: AccountsClient, organisation: string, options: CallOptions) =>
      accounts.call('deleteOrganisationRule', { organisation }, undefined, options),
  },
  repository: {
    word: 'repo',
    name: 'com.example.app',
    find: (accounts: AccountsClient, repository: string, options: CallOptions) =>
      accounts.call('findRule', { repository }, undefined, options),
    put: (accounts: AccountsClient, repository: string, document: string, options: CallOptions) =>
      accounts.call('putRule', { repository }, { document }, options),
    remove: (accounts: AccountsClient, repository: string, options: CallOptions) =>
      accounts.call('deleteRule', { repository }, undefined, options),
  },
} as const;

type PlaceKind = keyof typeof places;

/** Adds the commands that say who must have signed what the tags of an organisation or a repository mean. */
export function configureRules(command: Command, context: CommandContext, kind: PlaceKind): void {
  command
    .description(
      `say who must have signed what the tags of ${kind === 'organisation' ? 'an' : 'a'} ${kind} mean`,
    )
    .addHelpText(
      'after',
      `
The registry takes a tag only if the rule is met; images that are pushed by digest, signatures and attestations
it always takes. So: push by digest, sign, then push the tag; img push does that, with what is signed on this host.
What it has admitted it signs itself, and attaches that to the image. The closest rule counts: that of
the repository, or of any name above it.`,
    );
  configureShow(command.command('show'), context, kind);
  configureSet(command.command('set'), context, kind);
  configureRemove(command.command('remove'), context, kind);
}

function configureShow(command: Command, context: CommandContext, kind: PlaceKind): void {
  const { word, name, find } = places[kind];
  addPlace(command.description(`show the rule of the ${kind}`), kind).option(
    '--raw',
    'print its document, byte for byte',
  );
  addExamples(command, `img ${word} rule show ${name}`, `img ${word} rule show --raw ${name} > rule.json`);
  onRun(command, context, async (session, options: ShowOptions, text: string) => {
    const { output, signal } = session;
    const found = await withPlace(session, options, { kind, text }, (accounts, asked) =>
      find(accounts, asked, { signal }),
    );
    if (options.raw === true) return output.raw(found.document);
    output.result(found, () => found.rules.map((rule) => `required: ${rule}`));
    output.story(`the rule of ${found.name}, set by ${found.setBy} at ${found.setAt}`);
  });
}

function configureSet(command: Command, context: CommandContext, kind: PlaceKind): void {
  const { word, name, put } = places[kind];
  addRule(addPlace(command.description(`set the rule of the ${kind}, or replace it`), kind));
  addExamples(
    command,
    `img ${word} rule set ${name} --signer alice.pub bob.pub --require 2`,
    `img ${word} rule set ${name} ./root.json`,
  );
  onRun(
    command,
    context,
    async (session, options: AccountsOptions & RuleOptions, text: string, file: string | undefined) => {
      const { output, signal } = session;
      const set: AnswerOf<'putRule'> = await withPlace(
        session,
        options,
        { kind, text },
        async (accounts, asked) => {
          return await put(accounts, asked, await typedRule(session, options, asked, file), { signal });
        },
      );
      output.result(set, () => set.rules.map((rule) => `required: ${rule}`));
      output.story('tags that are there stay; the next one that is written must meet it');
    },
  );
}

function configureRemove(command: Command, context: CommandContext, kind: PlaceKind): void {
  const { word, name, remove } = places[kind];
  addPlace(command.description('let everybody write tags who may push'), kind);
  addExamples(command, `img ${word} rule remove ${name}`);
  onRun(command, context, async (session, options: AccountsOptions, text: string) => {
    const { output, signal } = session;
    await withPlace(session, options, { kind, text }, (accounts, asked) =>
      remove(accounts, asked, { signal }),
    );
    output.result({ name: text }, () => [['removed the rule of ', bold(text)]]);
  });
}

function addPlace(command: Command, kind: PlaceKind): Command {
  command.argument(`<${kind}>`, `such as ${places[kind].name}`);
  // The name of a repository says where it is.
  return kind === 'organisation' ? addRegistryOption(command) : command;
}

async function withPlace<T>(
  session: Session,
  options: AccountsOptions,
  { kind, text }: { readonly kind: PlaceKind; readonly text: string },
  work: (accounts: AccountsClient, name: string) => Promise<T>,
): Promise<T> {
  if (kind === 'organisation')
    return await withAccounts(session, options, (accounts) => work(accounts, text));
  const { registry, repository } = typedRepository(text, session.config).location;
  await using accounts = openAccounts(session, registry);
  return await work(accounts, repository);
}
