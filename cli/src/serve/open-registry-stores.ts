import { stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import type { Database } from '@img/registry/metadata/database';
import { SqliteDatabase } from '@img/registry/metadata/sqlite-database';
import type { BlobStore } from '@img/registry/storage/blob-store';
import { FileBlobStore } from '@img/registry/storage/file-blob-store';
import type { Command } from 'commander';
import { CliError } from '../cli-error.ts';
import type { Session } from '../command.ts';
import { openStores } from './open-stores.ts';
import type { ServeOptions } from './serve-options.ts';
import { readServeSettings } from './serve-settings.ts';

/** Where a registry keeps everything, as typed. */
export type RegistryStoreOptions = Pick<ServeOptions, 'data' | 'storage' | 'database'> & {
  readonly settings?: string;
};

/** What a registry keeps. Close it. */
export type RegistryStores = AsyncDisposable & { readonly database: Database; readonly blobs: BlobStore };

export function addRegistryStoreOptions(command: Command): Command {
  return command
    .option('--settings <file>', 'the settings of img serve')
    .option('--data <folder>', 'where the registry keeps its data, as for img serve')
    .option('--storage <url>', 'where it keeps blobs, as for img serve')
    .option('--database <url>', 'where it keeps metadata, as for img serve');
}

/**
 * Opens what a registry keeps, beside its processes.
 *
 * @param wanted whether the database must be there, too, and not only the storage: a look must not make either
 * @throws CliError USAGE where it isn't, and for a password on the command line; BlobStoreError, MetadataError
 */
export async function openRegistryStores(
  { config, environment }: Pick<Session, 'config' | 'environment'>,
  { settings, ...given }: RegistryStoreOptions,
  wanted: 'database' | 'storage',
): Promise<RegistryStores> {
  const read = settings === undefined ? {} : await readServeSettings(environment, settings);
  const options = { ...read, ...given };
  const folder = resolve(environment.workingFolder, options.data ?? join(config.rootFolder, 'registry'));
  const paths = { database: join(folder, 'metadata.sqlite'), storage: join(folder, 'storage') };
  await using opened = new AsyncDisposableStack();
  const stores = opened.adopt(await openStores(environment, options), (found) => found.close());
  if (wanted === 'database' && stores.database === undefined) await checkThere(paths.database, folder);
  // To make an empty one would say that everything is lost.
  if (stores.blobs === undefined) await checkThere(paths.storage, folder);
  const blobs = stores.blobs ?? (await FileBlobStore.open(paths.storage));
  const database =
    stores.database ?? opened.adopt(await SqliteDatabase.open(paths.database), (found) => found.close());
  const closing = opened.move();
  return { database, blobs, [Symbol.asyncDispose]: () => closing.disposeAsync() };
}

async function checkThere(path: string, folder: string): Promise<void> {
  const exists = await stat(path).then(
    () => true,
    () => false,
  );
  if (exists) return;
  throw new CliError('USAGE', `there is no registry in ${folder}: it has no ${basename(path)}`, {
    hint: 'name its data folder with --data, or its settings with --settings',
  });
}
