import { join } from 'node:path';
import type { RegistryClient } from '@img/registry/client/registry-client';
import { openLayout } from '@img/registry/layout/open-layout';
import { listRepositoryFolders, repositoryFolder } from '@img/registry/layout/repository-folder';
import { RegistryError } from '@img/registry/registry-error';
import { type CopiedTags, copyTags } from '@img/registry/transfer/copy-tags';
import { quote } from '@img/spec/quote';
import type { RepositoryName } from '@img/spec/repository-name';
import type { Command } from 'commander';
import { addExamples, type CommandContext, onRun, type Session } from '../command.ts';
import { openRegistry } from '../host/open-registry.ts';
import { typedRegistry } from '../host/typed-registry.ts';
import { countOf } from '../output/measure.ts';
import { bold } from '../output/text.ts';

export function configureImport(command: Command, context: CommandContext): void {
  command
    .description('bring the repositories of a folder that img registry export has made into a registry')
    .argument('<folder>')
    .argument('[registry]', 'by its alias or address; the default one if absent');
  command.addHelpText('after', importHelp);
  addExamples(command, 'img registry import backup work');
  onRun(command, context, runImport);
}

const importHelp = `
Tags that the registry has mean afterwards what they mean in the folder; its other tags stay. What it has
already is not sent again, so an import that broke off is gone on with by running it again.`;

async function runImport(
  session: Session,
  _: object,
  folder: string,
  typed: string | undefined,
): Promise<void> {
  const { config, output } = session;
  const registry = typedRegistry(typed, config);
  const names = await repositoriesIn(folder);
  await using client = openRegistry(session, registry);
  const imported: ImportedRepository[] = [];
  for (const name of names) imported.push(await importRepository(session, client, name, folder));
  output.result(imported, () =>
    imported.map(({ repository, tags }) => [
      bold(`${registry}/${repository}`),
      `  ${countOf(tags.length, 'tag')}`,
    ]),
  );
}

/** @throws RegistryError CONTENT_MISSING */
async function repositoriesIn(folder: string): Promise<readonly RepositoryName[]> {
  const names = await listRepositoryFolders(folder).catch((cause: unknown) => {
    throw new RegistryError('CONTENT_MISSING', `can't read the folder ${quote(folder)}`, { cause });
  });
  if (names.length > 0) return names;
  throw new RegistryError('CONTENT_MISSING', `there is no repository in ${quote(folder)}`, {
    hint: 'name the folder that was given to img registry export',
  });
}

type ImportedRepository = CopiedTags & { readonly repository: RepositoryName };

async function importRepository(
  { output, signal }: Session,
  client: RegistryClient,
  repository: RepositoryName,
  folder: string,
): Promise<ImportedRepository> {
  await using source = await openLayout(join(folder, repositoryFolder(repository)));
  const names = source.images.flatMap(({ name }) => (name === undefined ? [] : [name]));
  const target = client.repository(repository, 'push');
  const copied = await copyTags({ source, target, names, progress: output.progress, signal });
  return { repository, ...copied };
}
