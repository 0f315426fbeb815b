import type { Migration } from '../migrations.ts';

/** Organisations, who belongs to them, robots, what is public, log-ins of browsers, and who changed what. */
export const accounts: Migration = {
  name: 'accounts',
  statements: ({ identity, integer, text, tableOptions }) => [
    `CREATE TABLE organisations (
      id ${identity},
      name ${text} NOT NULL UNIQUE,
      created_at ${integer} NOT NULL
    ) ${tableOptions}`,

    `CREATE TABLE members (
      organisation_id ${integer} NOT NULL REFERENCES organisations ON DELETE CASCADE,
      user_id ${integer} NOT NULL REFERENCES users ON DELETE CASCADE,
      role ${text} NOT NULL,
      created_at ${integer} NOT NULL,
      PRIMARY KEY (organisation_id, user_id)
    ) ${tableOptions}`,
    'CREATE INDEX members_by_user ON members (user_id)',

    // "token_hash" is the SHA-256 of a token of 256 random bits, which nobody guesses.
    `CREATE TABLE robots (
      id ${identity},
      organisation_id ${integer} NOT NULL REFERENCES organisations ON DELETE CASCADE,
      name ${text} NOT NULL,
      role ${text} NOT NULL,
      token_hash ${text} NOT NULL,
      created_by ${text} NOT NULL,
      created_at ${integer} NOT NULL,
      expires_at ${integer} NOT NULL,
      UNIQUE (organisation_id, name)
    ) ${tableOptions}`,

    // By name, because a repository may be made public before anything is pushed to it.
    `CREATE TABLE public_repositories (
      name ${text} PRIMARY KEY,
      created_at ${integer} NOT NULL
    ) ${tableOptions}`,

    // A log-in of a browser; "id" is the SHA-256 of its cookie.
    `CREATE TABLE sessions (
      id ${text} PRIMARY KEY,
      user_id ${integer} NOT NULL REFERENCES users ON DELETE CASCADE,
      created_at ${integer} NOT NULL,
      expires_at ${integer} NOT NULL
    ) ${tableOptions}`,
    'CREATE INDEX sessions_by_expiry ON sessions (expires_at)',
    'CREATE INDEX sessions_by_user ON sessions (user_id)',

    `CREATE TABLE account_events (
      id ${identity},
      at ${integer} NOT NULL,
      actor ${text} NOT NULL,
      action ${text} NOT NULL,
      subject ${text} NOT NULL
    ) ${tableOptions}`,
  ],
};
