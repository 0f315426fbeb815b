import type { Migration } from '../migrations.ts';

/** Transparency logs: what they have, and whom they show it. Nothing in them is ever changed or removed. */
export const transparency: Migration = {
  name: 'transparency',
  statements: ({ identity, integer, text, bytes, tableOptions }) => [
    // By the name of the organisation: a log outlives it. "latest" is what the log signed last, "checkpoint" what it
    // published, of "published" entries, with the signatures of its witnesses.
    `CREATE TABLE logs (
      id ${identity},
      namespace ${text} NOT NULL UNIQUE,
      origin ${text} NOT NULL,
      is_public ${integer} NOT NULL,
      size ${integer} NOT NULL,
      latest ${text} NOT NULL,
      published ${integer} NOT NULL,
      checkpoint ${text} NOT NULL,
      created_at ${integer} NOT NULL
    ) ${tableOptions}`,

    // "size" is what the witness has seen last.
    `CREATE TABLE log_witnesses (
      log_id ${integer} NOT NULL REFERENCES logs,
      witness ${text} NOT NULL,
      url ${text} NOT NULL,
      size ${integer} NOT NULL,
      PRIMARY KEY (log_id, witness)
    ) ${tableOptions}`,

    // "leaf" is the hash of the entry, by which an entry is found that is there already.
    `CREATE TABLE log_entries (
      log_id ${integer} NOT NULL REFERENCES logs,
      number ${integer} NOT NULL,
      leaf ${bytes} NOT NULL,
      entry ${bytes} NOT NULL,
      PRIMARY KEY (log_id, number),
      UNIQUE (log_id, leaf)
    ) ${tableOptions}`,

    // Up to 256 hashes of 32 bytes.
    `CREATE TABLE log_tiles (
      log_id ${integer} NOT NULL REFERENCES logs,
      level ${integer} NOT NULL,
      number ${integer} NOT NULL,
      hashes ${bytes} NOT NULL,
      PRIMARY KEY (log_id, level, number)
    ) ${tableOptions}`,
  ],
};
