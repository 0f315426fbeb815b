/**
 * One of several processes of a registry under the soak test: `serve-child.ts <database URL> <storage URL> <limits>`,
 * with the credentials of the storage in the environment. Writes its URL to stdout as one line.
 */
import { flushCompileCache } from 'node:module';
import { homedir } from 'node:os';
import { PostgresDatabase } from '@img/registry/metadata/postgres/postgres-database';
import { parsePostgresLocation } from '@img/registry/metadata/postgres/postgres-location';
import { startRegistry } from '@img/registry/server/start-registry';
import { openS3Store } from '@img/registry/storage/s3/open-s3-store';

const [databaseUrl = '', storageUrl = '', limits = '{}'] = process.argv.slice(2);
const database = await PostgresDatabase.open(parsePostgresLocation(databaseUrl));
const blobs = await openS3Store(storageUrl, { variables: process.env, homeFolder: homedir() });
const { url } = await startRegistry({
  dataFolder: '/nonexistent',
  administrator: { name: 'admin', password: 'correct horse' },
  database,
  blobs,
  limits: JSON.parse(limits) as object,
});
process.stdout.write(`${url}\n`);
// Those that are killed don't come to it.
flushCompileCache();
