import type { Migration } from '../migrations.ts';

/** When manifests were pulled and left, and what repositories keep. */
export const retention: Migration = {
  name: 'retention',
  statements: ({ integer, text, tableOptions }) => [
    // Both are null for what was pushed before this step. "left_at" is when something last let go of the manifest: a
    // tag that moved on, an index or a subject that was deleted, or its own push.
    `ALTER TABLE manifests ADD COLUMN pulled_at ${integer}`,
    `ALTER TABLE manifests ADD COLUMN left_at ${integer}`,

    'CREATE INDEX tags_by_age ON tags (repository_id, updated_at DESC, name)',

    // "kind" is repository or organisation, "policy" JSON, "run_at" when it is carried out next.
    `CREATE TABLE retention_policies (
      kind ${text} NOT NULL,
      name ${text} NOT NULL,
      policy ${text} NOT NULL,
      run_at ${integer} NOT NULL,
      PRIMARY KEY (kind, name)
    ) ${tableOptions}`,
    'CREATE INDEX retention_policies_by_run ON retention_policies (run_at)',
  ],
};
