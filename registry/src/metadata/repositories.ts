import type { RepositoryName } from '@img/spec/repository-name';
import type { Reader, Writer } from './database.ts';

/** The number that stands for a repository in the other tables; undefined if nothing was ever stored in it. */
export async function findRepository(reader: Reader, name: RepositoryName): Promise<number | undefined> {
  return (await reader.get<{ id: number }>('SELECT id FROM repositories WHERE name = $1', name))?.id;
}

/** Finds or makes a repository. */
export async function ensureRepository(writer: Writer, name: RepositoryName, now: number): Promise<number> {
  const found = await findRepository(writer, name);
  if (found !== undefined) return found;
  const row = await writer.get<{ id: number }>(
    `INSERT INTO repositories (name, created_at) VALUES ($1, $2)
      ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING id`,
    name,
    now,
  );
  return (row as { id: number }).id;
}

export type RepositoryPage = {
  /** The name after which the page begins; it need not exist. */
  readonly after?: string;
  readonly limit: number;
};

/** Names of the repositories that hold a manifest, in byte order. */
export async function listRepositories(
  reader: Reader,
  { after = '', limit }: RepositoryPage,
): Promise<readonly RepositoryName[]> {
  const rows = await reader.all<{ name: RepositoryName }>(
    `SELECT name FROM repositories r
      WHERE name > $1 AND EXISTS (SELECT 1 FROM manifests m WHERE m.repository_id = r.id)
      ORDER BY name LIMIT $2`,
    after,
    limit,
  );
  return rows.map(({ name }) => name);
}
