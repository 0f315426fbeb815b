import type { Reader, Writer } from './database.ts';

/** Tables of which a registry that was never used has no rows, those that refer to others first. */
const tables: readonly string[] = [
  'log_tiles',
  'log_entries',
  'log_witnesses',
  'logs',
  'upstream_checks',
  'admissions',
  'admission_rules',
  'retention_policies',
  'account_events',
  'sessions',
  'public_repositories',
  'robots',
  'members',
  'organisations',
  'users',
  'tombstones',
  'uploads',
  'tag_history',
  'tags',
  'edges',
  'manifest_records',
  'manifests',
  'links',
  'blobs',
  'repositories',
  'secrets',
  'jobs',
];

/** Whether nothing was ever stored in the tables. */
export async function areTablesEmpty(reader: Reader): Promise<boolean> {
  for (const table of tables) {
    if ((await reader.get(`SELECT 1 AS found FROM ${table} LIMIT 1`)) !== undefined) return false;
  }
  return true;
}

/** Removes every row of a registry. */
export async function emptyTables(writer: Writer): Promise<void> {
  for (const table of tables) await writer.run(`DELETE FROM ${table}`);
}
