/**
 * One of several processes of a registry, for tests that kill it: `serve-shared-child.ts <database URL> <storage URL>`,
 * with the credentials of the storage in the environment. Writes its URL to stdout as one line.
 */
import { homedir } from 'node:os';
import { PostgresDatabase } from '../../metadata/postgres/postgres-database.ts';
import { parsePostgresLocation } from '../../metadata/postgres/postgres-location.ts';
import { openS3Store } from '../../storage/s3/open-s3-store.ts';
import { startRegistry } from '../start-registry.ts';

const [databaseUrl = '', storageUrl = ''] = process.argv.slice(2);
const database = await PostgresDatabase.open(parsePostgresLocation(databaseUrl));
const blobs = await openS3Store(storageUrl, { variables: process.env, homeFolder: homedir() });
const { url } = await startRegistry({
  dataFolder: '/nonexistent',
  administrator: { name: 'admin', password: 'correct horse' },
  database,
  blobs,
  // Small, so that a killed process leaves much that was noted.
  limits: { checkpointBytes: 1024 * 1024 },
});
process.stdout.write(`${url}\n`);
