import { quote } from '@img/spec/quote';
import type { Database, Writer } from './database.ts';
import { MetadataError } from './metadata-error.ts';
import { migrations as allMigrations, type Migration } from './migrations.ts';

export type MigrateOptions = {
  /** Milliseconds since 1970, noted beside each step taken. */
  readonly now: number;
  /** The steps of the schema; for tests. */
  readonly migrations?: readonly Migration[];
};

/**
 * Brings the tables to the schema of this version, step by step, all or nothing, and checks first that the steps
 * taken so far are ours.
 *
 * @throws MetadataError SCHEMA_UNKNOWN, SCHEMA_NEWER
 */
export async function migrate(
  database: Database,
  { now, migrations = allMigrations }: MigrateOptions,
): Promise<void> {
  const { integer, text, tableOptions } = database.dialect;
  await database.transaction(async (writer) => {
    await writer.run(
      `CREATE TABLE IF NOT EXISTS migrations (
        number ${integer} PRIMARY KEY, name ${text} NOT NULL, applied_at ${integer} NOT NULL
      ) ${tableOptions}`,
    );
    const rows = await writer.all<{ name: string }>('SELECT name FROM migrations ORDER BY number');
    checkTaken(
      rows.map(({ name }) => name),
      migrations,
    );
    for (const [number, migration] of migrations.entries()) {
      if (number >= rows.length) await take(writer, migration, number, database, now);
    }
  });
}

async function take(
  writer: Writer,
  { name, statements }: Migration,
  number: number,
  { dialect }: Database,
  now: number,
): Promise<void> {
  for (const statement of statements(dialect)) await writer.run(statement);
  await writer.run(
    'INSERT INTO migrations (number, name, applied_at) VALUES ($1, $2, $3)',
    number,
    name,
    now,
  );
}

function checkTaken(taken: readonly string[], migrations: readonly Migration[]): void {
  for (const [number, name] of taken.entries()) {
    const migration = migrations[number];
    if (migration?.name === name) continue;
    if (migration === undefined) {
      throw new MetadataError(
        'SCHEMA_NEWER',
        `the registry's database has the schema ${quote(name)}, which this version doesn't know`,
        { hint: 'start the newer version of img that used this data folder last' },
      );
    }
    throw new MetadataError(
      'SCHEMA_UNKNOWN',
      `step ${number} of the registry's database is ${quote(name)} instead of ${quote(migration.name)}`,
      { hint: 'check that the data folder belongs to a registry of img' },
    );
  }
}
