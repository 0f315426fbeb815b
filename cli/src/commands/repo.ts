import type { AccountsClient } from '@img/registry/accounts/accounts-client';
import type { AnswerOf } from '@img/registry/accounts/api-routes';
import type { Command } from 'commander';
import { configureRules } from '../accounts/rule-commands.ts';
import { type AccountsOptions, addRegistryOption, withAccounts } from '../accounts/with-accounts.ts';
import { addExamples, type CommandContext, onRun } from '../command.ts';
import { openAccounts } from '../host/open-accounts.ts';
import { typedRepository } from '../host/typed-reference.ts';
import { showList } from '../output/show-list.ts';
import { bold } from '../output/text.ts';
import { configure as configureKey } from './repo-key.ts';
import { configure as configureSigners } from './repo-signers.ts';

type ListOptions = AccountsOptions & { readonly search?: string };
type Entry = AnswerOf<'listRepositories'>['repositories'][number];

export function configure(command: Command, context: CommandContext): void {
  configureList(command.command('list'), context);
  configureVisibility(command.command('public'), context, 'public');
  configureVisibility(command.command('private'), context, 'private');
  configureRules(command.command('rule'), context, 'repository');
  configureSigners(command.command('signers'), context);
  configureKey(command.command('key'), context);
}

function configureList(command: Command, context: CommandContext): void {
  addRegistryOption(command.description('list the repositories of a registry that you may pull')).option(
    '--search <text>',
    'only those with the text in their name',
  );
  addExamples(command, 'img repo list', 'img repo list --registry registry.example.com --search web');
  onRun(command, context, async (session, options: ListOptions) => {
    const { output, signal } = session;
    const entries = await withAccounts(session, options, (accounts) => {
      return Array.fromAsync(allRepositories(accounts, options.search ?? '', signal));
    });
    showList(output, entries, {
      columns: [
        { title: 'name' },
        { title: 'visibility' },
        { title: 'tags', align: 'right' },
        { title: 'pushed' },
      ],
      row: ({ name, visibility, tags, pushedAt }) => [
        bold(name),
        visibility,
        String(tags),
        pushedAt?.slice(0, 10) ?? '',
      ],
      empty: 'there is no repository that you may pull',
    });
  });
}

async function* allRepositories(
  accounts: AccountsClient,
  search: string,
  signal: AbortSignal,
): AsyncGenerator<Entry> {
  for (let after: string | undefined = ''; after !== undefined; ) {
    const query = { search, after };
    const page: AnswerOf<'listRepositories'> = await accounts.call('listRepositories', {}, undefined, {
      query,
      signal,
    });
    yield* page.repositories;
    after = page.next;
  }
}

function configureVisibility(
  command: Command,
  context: CommandContext,
  visibility: 'public' | 'private',
): void {
  const whom = visibility === 'public' ? 'everybody' : 'members only';
  command.description(`let ${whom} pull a repository`).argument('<repository>', 'such as com.example.app');
  addExamples(command, `img repo ${visibility} com.example.app`);
  onRun(command, context, async (session, _: object, text: string) => {
    const { config, output, signal } = session;
    const { registry, repository } = typedRepository(text, config).location;
    await using accounts = openAccounts(session, registry);
    await accounts.call('setVisibility', { repository }, { visibility }, { signal });
    output.result({ registry, repository, visibility }, () => [[bold(repository), ` is ${visibility}`]]);
  });
}
