import type { Reader } from '../metadata/database.ts';
import { findJob } from '../metadata/jobs.ts';
import { hasUsers } from '../metadata/users.ts';
import type { BlobStore } from '../storage/blob-store.ts';
import { ServerError } from './server-error.ts';

/**
 * Refuses a database that was lost and is empty now, or not rebuilt to its end: serving it would say that all images
 * are gone, and note that in the storage over what is known there.
 *
 * @throws ServerError METADATA_MISSING
 */
export async function checkMetadata(database: Reader, blobs: BlobStore): Promise<void> {
  const hint = 'run img registry rebuild with the same --data, or --storage and --database';
  if ((await findJob(database, 'rebuild')) !== undefined) {
    throw new ServerError('METADATA_MISSING', `the metadata of ${blobs.name} are not rebuilt to their end`, {
      hint,
    });
  }
  // A registry that was rebuilt without its accounts has none until it starts.
  if ((await hasUsers(database)) || (await findJob(database, 'snapshot')) !== undefined) return;
  for await (const _ of blobs.list()) {
    // Another process may have begun in the meantime.
    if (await hasUsers(database)) return;
    throw new ServerError('METADATA_MISSING', `the database is empty, but ${blobs.name} is not`, {
      hint: `${hint}; for a new registry, name another place to store in`,
    });
  }
}
