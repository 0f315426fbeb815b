import type { Migration } from '../migrations.ts';

/** What storage knows of the metadata, so that they can be rebuilt from it; and work that one process does for all. */
export const recovery: Migration = {
  name: 'recovery',
  statements: ({ integer, text, tableOptions }) => [
    // The stored note of each manifest. "due_at" is when to write it (anew); null: it is written. While a process
    // writes it, that is the end of its time.
    `CREATE TABLE manifest_records (
      manifest_id ${integer} PRIMARY KEY REFERENCES manifests,
      key ${text} UNIQUE,
      due_at ${integer}
    ) ${tableOptions}`,
    'INSERT INTO manifest_records (manifest_id, due_at) SELECT id, 0 FROM manifests',
    'CREATE INDEX manifest_records_by_due ON manifest_records (due_at) WHERE due_at IS NOT NULL',

    // "holder" is the process that has the job until "due_at", null between two times. "key" is what the job stored
    // last, "next_key" what its holder is about to store. "state" is JSON of its own.
    `CREATE TABLE jobs (
      name ${text} PRIMARY KEY,
      due_at ${integer} NOT NULL,
      holder ${text},
      key ${text},
      next_key ${text},
      state ${text} NOT NULL
    ) ${tableOptions}`,

    'CREATE INDEX tombstones_by_age ON tombstones (created_at)',
  ],
};
