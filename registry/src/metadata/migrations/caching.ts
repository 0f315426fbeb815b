import type { Migration } from '../migrations.ts';

/** When a registry that another one copies was last asked. */
export const caching: Migration = {
  name: 'caching',
  statements: ({ integer, text, tableOptions }) => [
    // "subject" is a tag, or the digest of a manifest whose referrers were asked for.
    `CREATE TABLE upstream_checks (
      repository_id ${integer} NOT NULL REFERENCES repositories,
      subject ${text} NOT NULL,
      checked_at ${integer} NOT NULL,
      PRIMARY KEY (repository_id, subject)
    ) ${tableOptions}`,
    'CREATE INDEX upstream_checks_by_age ON upstream_checks (checked_at)',
  ],
};
