import { join } from 'node:path';
import type { RegistryClient } from '@img/registry/client/registry-client';
import { LayoutTarget } from '@img/registry/layout/layout-target';
import { repositoryFolder } from '@img/registry/layout/repository-folder';
import { type CopiedTags, copyTags } from '@img/registry/transfer/copy-tags';
import type { RegistryHost } from '@img/spec/registry-host';
import type { RepositoryName } from '@img/spec/repository-name';
import type { Command } from 'commander';
import { CliError } from '../cli-error.ts';
import { addExamples, type CommandContext, onRun, type Session } from '../command.ts';
import { openRegistry } from '../host/open-registry.ts';
import { typedRepository } from '../host/typed-reference.ts';
import { typedRegistry } from '../host/typed-registry.ts';
import { countOf } from '../output/measure.ts';
import { bold } from '../output/text.ts';

type ExportOptions = { readonly all?: boolean };

export function configureExport(command: Command, context: CommandContext): void {
  command
    .description('store all tags of repositories in a folder, with everything that is attached to them')
    .argument('<from>', 'a repository; with --all a registry, by its alias or address')
    .argument('<folder>', 'made if it is not there; what it has already is not fetched again')
    .option('--all', 'every repository that you may see');
  command.addHelpText('after', exportHelp);
  addExamples(
    command,
    'img registry export work/com.example.app backup',
    'img registry export --all work backup',
    'img registry import backup other',
  );
  onRun(command, context, runExport);
}

const exportHelp = `
Each repository becomes an OCI image layout, in a folder of its name with + for each /; img copy reads it as
oci:FOLDER/NAME:TAG, other tools as any layout. Signatures and everything else that refers to an image come
with it; what only has a digest, the history of tags and accounts do not.`;

async function runExport(
  session: Session,
  { all = false }: ExportOptions,
  from: string,
  folder: string,
): Promise<void> {
  const { config, output, signal } = session;
  const { registry, repository } = all
    ? { registry: typedRegistry(from, config), repository: undefined }
    : typedWhole(from, session);
  await using client = openRegistry(session, registry);
  const names =
    repository === undefined ? await Array.fromAsync(client.listRepositories({ signal })) : [repository];
  if (names.length === 0) output.story(`there is nothing on ${registry} that you may see`);
  const exported: ExportedRepository[] = [];
  for (const name of names) exported.push(await exportRepository(session, client, name, folder));
  output.result(exported, () =>
    exported.map(({ repository: name, tags, folder: path }) => [
      bold(name),
      `  ${countOf(tags.length, 'tag')}  ${path}`,
    ]),
  );
}

type ExportedRepository = CopiedTags & { readonly repository: RepositoryName; readonly folder: string };

async function exportRepository(
  { output, signal }: Session,
  client: RegistryClient,
  repository: RepositoryName,
  folder: string,
): Promise<ExportedRepository> {
  const path = join(folder, repositoryFolder(repository));
  const source = client.repository(repository, 'pull');
  const names = await Array.fromAsync(source.listTags({ signal }));
  const target = await LayoutTarget.open(path);
  const copied = await copyTags({ source, target, names, progress: output.progress, signal });
  return { repository, folder: path, ...copied };
}

/** @throws CliError USAGE for one image */
function typedWhole(
  text: string,
  { config }: Session,
): { readonly registry: RegistryHost; readonly repository: RepositoryName } {
  const { location, reference } = typedRepository(text, config);
  if (reference === undefined) return location;
  throw new CliError('USAGE', `${text} is one image, not a repository`, {
    hint: 'name it without its tag, or copy the image with img copy',
  });
}
