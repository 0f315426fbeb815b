import type { Migration } from '../migrations.ts';

/** What all processes of a registry must know and nobody else may. */
export const secrets: Migration = {
  name: 'secrets',
  statements: ({ integer, text, tableOptions }) => [
    `CREATE TABLE secrets (
      name ${text} PRIMARY KEY,
      value ${text} NOT NULL,
      created_at ${integer} NOT NULL
    ) ${tableOptions}`,
  ],
};
