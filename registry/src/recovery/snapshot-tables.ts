/**
 * Rows of the metadata that a snapshot keeps, told by names instead of the numbers that stand for them in one
 * database.
 */
export type SnapshotTable = {
  /** As the snapshot names it. */
  readonly name: string;
  /** What is kept of a row: name in the snapshot, and expression in the query. */
  readonly columns: readonly (readonly [name: string, expression: string])[];
  readonly from: string;
  /** Which rows are kept; all by default. */
  readonly where?: string;
  /** Columns that are unique together and never null, by which the rows are read in pages. */
  readonly order: readonly string[];
  /**
   * Puts a row back; its parameters are the columns in their order. Changes nothing where what it belongs to is missing.
   * Undefined for what can't be put back and is only told of.
   */
  readonly insert: string | undefined;
};

const named = (...names: readonly string[]) => names.map((name) => [name, `t.${name}`] as const);

/** Who may log in, and what accounts have: in an order in which nothing is put back before what it needs. */
const accountTables: readonly SnapshotTable[] = [
  {
    name: 'user',
    columns: named('name', 'password_hash', 'is_administrator', 'created_at'),
    from: 'users t',
    order: ['t.id'],
    insert:
      'INSERT INTO users (name, password_hash, is_administrator, created_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING',
  },
  {
    name: 'organisation',
    columns: named('name', 'created_at'),
    from: 'organisations t',
    order: ['t.id'],
    insert: 'INSERT INTO organisations (name, created_at) VALUES ($1, $2) ON CONFLICT DO NOTHING',
  },
  {
    name: 'member',
    columns: [['organisation', 'o.name'], ['user', 'u.name'], ...named('role', 'created_at')],
    from: 'members t JOIN organisations o ON o.id = t.organisation_id JOIN users u ON u.id = t.user_id',
    order: ['t.organisation_id', 't.user_id'],
    insert: `INSERT INTO members (organisation_id, user_id, role, created_at)
      SELECT o.id, u.id, $3, $4 FROM organisations o, users u WHERE o.name = $1 AND u.name = $2
      ON CONFLICT DO NOTHING`,
  },
  {
    name: 'robot',
    columns: [
      ['organisation', 'o.name'],
      ...named('name', 'role', 'token_hash', 'created_by', 'created_at', 'expires_at'),
    ],
    from: 'robots t JOIN organisations o ON o.id = t.organisation_id',
    order: ['t.id'],
    insert: `INSERT INTO robots (organisation_id, name, role, token_hash, created_by, created_at, expires_at)
      SELECT id, $2, $3, $4, $5, $6, $7 FROM organisations WHERE name = $1 ON CONFLICT DO NOTHING`,
  },
  {
    name: 'public repository',
    columns: named('name', 'created_at'),
    from: 'public_repositories t',
    order: ['t.name'],
    insert: 'INSERT INTO public_repositories (name, created_at) VALUES ($1, $2) ON CONFLICT DO NOTHING',
  },
  {
    name: 'event',
    columns: named('at', 'actor', 'action', 'subject'),
    from: 'account_events t',
    order: ['t.id'],
    insert: 'INSERT INTO account_events (at, actor, action, subject) VALUES ($1, $2, $3, $4)',
  },
  {
    name: 'retention policy',
    columns: named('kind', 'name', 'policy', 'run_at'),
    from: 'retention_policies t',
    order: ['t.kind', 't.name'],
    insert:
      'INSERT INTO retention_policies (kind, name, policy, run_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING',
  },
  {
    name: 'rule',
    columns: named('name', 'document', 'digest', 'set_by', 'set_at'),
    from: 'admission_rules t',
    order: ['t.name'],
    insert: `INSERT INTO admission_rules (name, document, digest, set_by, set_at) VALUES ($1, $2, $3, $4, $5)
      ON CONFLICT DO NOTHING`,
  },
];

/** Whoever adds to a log must have all of it: one that was set back would contradict what it has signed. */
const logTable: SnapshotTable = {
  name: 'log',
  columns: named('namespace', 'origin', 'size'),
  from: 'logs t',
  order: ['t.id'],
  insert: undefined,
};

const ofRepository = 'JOIN repositories r ON r.id = t.repository_id';

const repositoryTables: readonly SnapshotTable[] = [
  {
    name: 'repository',
    columns: named('name', 'created_at'),
    from: 'repositories t',
    order: ['t.id'],
    insert: `INSERT INTO repositories (name, created_at) VALUES ($1, $2)
      ON CONFLICT (name) DO UPDATE SET created_at = excluded.created_at`,
  },
  {
    name: 'tag',
    columns: [['repository', 'r.name'], ...named('name', 'updated_at'), ['digest', 'm.digest']],
    from: `tags t ${ofRepository} JOIN manifests m ON m.id = t.manifest_id`,
    order: ['t.repository_id', 't.name'],
    insert: `INSERT INTO tags (repository_id, name, updated_at, manifest_id)
      SELECT m.repository_id, $2, $3, m.id FROM manifests m
        WHERE m.digest = $4 AND m.repository_id = (SELECT id FROM repositories WHERE name = $1)
      ON CONFLICT DO NOTHING`,
  },
  {
    name: 'move',
    columns: [['repository', 'r.name'], ...named('name', 'digest', 'actor', 'at')],
    from: `tag_history t ${ofRepository}`,
    order: ['t.id'],
    insert: `INSERT INTO tag_history (repository_id, name, digest, actor, at)
      SELECT id, $2, $3, $4, $5 FROM repositories WHERE name = $1`,
  },
  {
    name: 'pull',
    columns: [['repository', 'r.name'], ...named('digest', 'pulled_at')],
    from: `manifests t ${ofRepository}`,
    where: 't.pulled_at IS NOT NULL',
    order: ['t.id'],
    insert: `UPDATE manifests SET pulled_at = $3
      WHERE digest = $2 AND repository_id = (SELECT id FROM repositories WHERE name = $1)`,
  },
  {
    name: 'admission',
    columns: [
      ['repository', 'r.name'],
      ...named('tag', 'digest', 'sequence', 'rule', 'summary', 'admitted_at'),
    ],
    from: `admissions t ${ofRepository}`,
    order: ['t.repository_id', 't.tag'],
    insert: `INSERT INTO admissions (repository_id, tag, digest, sequence, rule, summary, admitted_at)
      SELECT id, $2, $3, $4, $5, $6, $7 FROM repositories WHERE name = $1 ON CONFLICT DO NOTHING`,
  },
];

/** Everything that a snapshot keeps, in the order in which it can be put back. */
export const snapshotTables: readonly SnapshotTable[] = [...accountTables, logTable, ...repositoryTables];
