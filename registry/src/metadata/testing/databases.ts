import { join } from 'node:path';
import { temporaryFolder } from '@img/sign/testing/temporary-folder';
import type { ExecutionContext } from 'ava';
import type { Database } from '../database.ts';
import { migrate } from '../migrate.ts';
import { PostgresDatabase } from '../postgres/postgres-database.ts';
import { SqliteDatabase } from '../sqlite-database.ts';
import { postgresServers } from './postgres-servers.ts';

/** Every implementation of Database that tests run over: another one joins with one line. */
export const databases: readonly (readonly [
  name: string,
  open: (t: ExecutionContext) => Promise<Database>,
])[] = [
  ['sqlite', async (t) => SqliteDatabase.open(join(temporaryFolder(t), 'metadata.sqlite'))],
  ...postgresServers().map(
    ({ name, database }) => [name, async () => PostgresDatabase.open(await database())] as const,
  ),
];

/** Opens an empty database with the tables of this version; closed when the test ends. */
export async function openMigrated(
  t: ExecutionContext,
  open: (t: ExecutionContext) => Promise<Database>,
): Promise<Database> {
  const database = await open(t);
  t.teardown(() => database.close());
  await migrate(database, { now: 1 });
  return database;
}
