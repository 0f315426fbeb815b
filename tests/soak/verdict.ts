import type { PostgresDatabase } from '@img/registry/metadata/postgres/postgres-database';
import { sweepOnce } from '@img/registry/server/testing/sweep-once';
import type { BlobStore } from '@img/registry/storage/blob-store';
import { type Digest, Digester, digestAlgorithm } from '@img/spec/digest';
import type { Tally } from './tally.ts';

/** Collects everything that is left, as days of quiet would, and says what is lost, dangling or left behind. */
export async function findViolations(
  database: PostgresDatabase,
  blobs: BlobStore,
  { kept, sparse }: Pick<Tally, 'kept' | 'sparse'>,
): Promise<readonly string[]> {
  // What loses its manifest in one round has its own time until the next.
  for (const days of [2, 4, 6]) await sweepOnce(database, blobs, days * 24);
  const rows = await database.all<{ key: string; digest: Digest }>('SELECT key, digest FROM blobs');
  const stored = new Set(await Array.fromAsync(blobs.list(), ({ key }) => String(key)));
  const notes = await database.all<{ key: string; subject: string }>(
    `SELECT n.key, m.digest AS subject FROM manifest_records n JOIN manifests m ON m.id = n.manifest_id
      UNION ALL SELECT key, name AS subject FROM jobs WHERE key IS NOT NULL`,
  );
  const known = new Set([...rows, ...notes].map(({ key }) => key));
  const uploads = await Array.fromAsync(blobs.listUploads(), ({ key }) => `leaked upload ${key}`);
  return [
    ...rows.filter(({ key }) => !stored.has(key)).map(({ digest }) => `lost: the bytes of ${digest}`),
    ...notes.filter(({ key }) => !stored.has(key)).map(({ subject }) => `lost: the note of ${subject}`),
    ...[...stored].filter((key) => !known.has(key)).map((key) => `leaked: object ${key}`),
    ...uploads,
    ...(await leftRows(database)),
    ...(await dangling(database, sparse)),
    ...(await notKept(database, kept)),
    ...(await damaged(database, blobs)),
  ];
}

async function leftRows(database: PostgresDatabase): Promise<readonly string[]> {
  const found: string[] = [];
  for (const table of ['uploads', 'tombstones']) {
    const row = await database.get<{ n: number }>(`SELECT count(*) AS n FROM ${table}`);
    if (row?.n !== 0) found.push(`left: ${row?.n} rows of ${table}`);
  }
  return found;
}

/** What manifests point at and their repository doesn't have. */
async function dangling(database: PostgresDatabase, sparse: ReadonlySet<Digest>): Promise<readonly string[]> {
  const rows = await database.all<{ parent: Digest; digest: Digest }>(
    `SELECT m.digest AS parent, e.digest FROM edges e JOIN manifests m ON m.id = e.manifest_id
      WHERE (e.kind = 'blob' AND NOT EXISTS (
          SELECT 1 FROM links l JOIN blobs b ON b.id = l.blob_id
            WHERE l.repository_id = e.repository_id AND b.digest = e.digest))
        OR (e.kind = 'manifest' AND NOT EXISTS (
          SELECT 1 FROM manifests c WHERE c.repository_id = e.repository_id AND c.digest = e.digest))`,
  );
  return rows
    .filter(({ parent }) => !sparse.has(parent))
    .map(({ parent, digest }) => `dangling: ${parent} needs ${digest}`);
}

async function notKept(
  database: PostgresDatabase,
  kept: ReadonlyMap<string, Digest>,
): Promise<readonly string[]> {
  const rows = await database.all<{ path: string; digest: Digest }>(
    `SELECT '/v2/' || r.name || '/manifests/' || t.name AS path, m.digest FROM tags t
      JOIN manifests m ON m.id = t.manifest_id JOIN repositories r ON r.id = t.repository_id`,
  );
  const there = new Map(rows.map(({ path, digest }) => [path, digest]));
  return [...kept]
    .filter(([path, digest]) => there.get(path) !== digest)
    .map(([path, digest]) => `lost: ${path} is ${there.get(path) ?? 'nothing'}, not ${digest}`);
}

async function damaged(database: PostgresDatabase, blobs: BlobStore): Promise<readonly string[]> {
  const rows = await database.all<{ key: string; digest: Digest }>('SELECT key, digest FROM blobs');
  const found: string[] = [];
  for (const { key, digest } of rows) {
    const digester = new Digester(digestAlgorithm(digest));
    try {
      for await (const chunk of await blobs.get(key as never)) digester.update(chunk as Uint8Array);
    } catch {
      // Its loss is said already.
      continue;
    }
    if (digester.digest() !== digest) found.push(`damaged: ${digest} has other bytes`);
  }
  return found;
}
