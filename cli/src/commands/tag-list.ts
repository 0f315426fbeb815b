import type { AccountsClient } from '@img/registry/accounts/accounts-client';
import type { AnswerOf } from '@img/registry/accounts/api-routes';
import { attachmentSubject } from '@img/registry/transfer/attachment-tag';
import { parseTag, type Tag } from '@img/spec/tag';
import type { Command } from 'commander';
import { typedTag, withTagged } from '../accounts/typed-tag.ts';
import { parseArgument } from '../argument.ts';
import { addExamples, type CommandContext, onRun } from '../command.ts';
import { openAccounts } from '../host/open-accounts.ts';
import { shortName } from '../host/short-name.ts';
import { typedRepository } from '../host/typed-reference.ts';
import { tableLines } from '../output/table.ts';
import { bold } from '../output/text.ts';

type Entry = AnswerOf<'listTags'>['tags'][number];

export function configureList(command: Command, context: CommandContext): void {
  command
    .description('list the tags of a repository on its registry')
    .argument('<repository>', 'such as com.example.app')
    .option('--all', 'also those that only attach signatures to an image');
  addExamples(command, 'img tag list com.example.app');
  onRun(command, context, async (session, { all = false }: { readonly all?: boolean }, text: string) => {
    const { config, output, signal } = session;
    const { registry, repository } = typedRepository(text, config).location;
    await using accounts = openAccounts(session, registry);
    const found = await Array.fromAsync(allTags(accounts, repository, signal));
    const entries = found.filter(({ tag }) => all || attachmentSubject(tag as Tag) === undefined);
    if (entries.length === 0) output.story(`${repository} has no tags`);
    output.result(entries, () =>
      tableLines(
        [{ title: 'tag' }, { title: 'pushed' }, { title: 'pulled' }, { title: 'digest' }],
        entries.map(({ tag, digest, pushedAt, pulledAt }) => [
          bold(tag),
          pushedAt.slice(0, 10),
          pulledAt?.slice(0, 10) ?? 'never',
          digest,
        ]),
      ),
    );
  });
}

async function* allTags(
  accounts: AccountsClient,
  repository: string,
  signal: AbortSignal,
): AsyncGenerator<Entry> {
  for (let after: string | undefined = ''; after !== undefined; ) {
    const options = { query: { after }, signal };
    const page: AnswerOf<'listTags'> = await accounts.call('listTags', { repository }, undefined, options);
    yield* page.tags;
    after = page.next;
  }
}

export function configureAdd(command: Command, context: CommandContext): void {
  command
    .description('give an image another tag on its registry, without moving content; sign that tag, too')
    .argument('<image>', 'by tag, or by digest')
    .argument('<tag...>');
  addExamples(command, 'img tag add com.example.app:1.4.0 stable');
  onRun(command, context, async (session, _: object, image: string, tags: readonly string[]) => {
    const { config, output, signal } = session;
    const names = tags.map((tag) => parseArgument(parseTag, tag));
    await withTagged(session, image, async (accounts, { registry, repository, digest }) => {
      for (const tag of names) await accounts.call('putTag', { repository, tag }, { digest }, { signal });
      output.result({ registry, repository, tags: names, digest }, () =>
        names.map((tag) => [bold(shortName({ registry, repository, tag }, config)), `  ${digest}`]),
      );
    });
  });
}

export function configureRemove(command: Command, context: CommandContext): void {
  command
    .description('remove tags from their registry; img tag restore takes that back')
    .argument('<image...>', 'with its tag');
  addExamples(command, 'img tag remove com.example.app:1.4.0-rc1');
  onRun(command, context, async (session, _: object, images: readonly string[]) => {
    const { config, output, signal } = session;
    const references = images.map((image) => typedTag(image, config));
    for (const { registry, repository, tag } of references) {
      await using accounts = openAccounts(session, registry);
      await accounts.call('deleteTag', { repository, tag }, undefined, { signal });
    }
    const removed = references.map((reference) => shortName(reference, config));
    output.result({ removed }, () => removed.map((name) => ['removed ', bold(name)]));
  });
}
