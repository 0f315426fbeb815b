import type { Database } from '@img/registry/metadata/database';
import { PostgresDatabase } from '@img/registry/metadata/postgres/postgres-database';
import { parsePostgresLocation } from '@img/registry/metadata/postgres/postgres-location';
import type { BlobStore } from '@img/registry/storage/blob-store';
import { openS3Store } from '@img/registry/storage/s3/open-s3-store';
import { CliError } from '../cli-error.ts';
import { type Environment, variable } from '../environment.ts';

/** Where a registry keeps what is not in its data folder, as typed. */
export type StoreOptions = { readonly storage?: string; readonly database?: string };

export type OpenStores = {
  readonly blobs?: BlobStore;
  readonly database?: Database;
  /** What was opened, for people. */
  readonly names: readonly string[];
  close(): Promise<void>;
};

/**
 * Opens what the options name, else the variables IMG_STORAGE and IMG_DATABASE; nothing where the data folder has
 * everything.
 *
 * @throws CliError USAGE for a password on the command line; BlobStoreError, MetadataError
 */
export async function openStores(environment: Environment, options: StoreOptions): Promise<OpenStores> {
  const storageUrl = options.storage ?? variable(environment, 'IMG_STORAGE');
  const databaseUrl = options.database ?? variable(environment, 'IMG_DATABASE');
  const location = databaseUrl === undefined ? undefined : parsePostgresLocation(databaseUrl);
  if (options.database !== undefined && location?.password !== undefined) {
    throw new CliError('USAGE', 'everybody on this machine can read a password on the command line', {
      hint: 'give the whole URL in IMG_DATABASE, or the password in PGPASSWORD or the file PGPASSFILE',
    });
  }
  const blobs = storageUrl === undefined ? undefined : await openS3Store(storageUrl, environment);
  try {
    const database = location === undefined ? undefined : await PostgresDatabase.open(location);
    return {
      ...(blobs === undefined ? {} : { blobs }),
      ...(database === undefined ? {} : { database }),
      names: [blobs, database].flatMap((store) => (store === undefined ? [] : [store.name])),
      close: async () => {
        await database?.close();
        blobs?.close();
      },
    };
  } catch (error) {
    blobs?.close();
    throw error;
  }
}
