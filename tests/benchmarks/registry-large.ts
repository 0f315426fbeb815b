import type { Database } from '@img/registry/metadata/database';
import { migrate } from '@img/registry/metadata/migrate';

/** 1 up to the number that is the first parameter. */
const numbers = 'WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1)';

/** SQL for a number with zeros before it, which SQLite and PostgreSQL both understand. */
function padded(expression: string, digits: number): string {
  const text = `CAST(${expression} AS TEXT)`;
  return `(substr('${'0'.repeat(digits)}', length(${text}) + 1) || ${text})`;
}

/** Fills the metadata of a registry of ours, before it starts, with blobs of a repository and tags of an image. */
export async function fillMetadata(
  database: Database,
  { blobs, tags }: { readonly blobs: number; readonly tags: number },
): Promise<void> {
  await migrate(database, { now: 1 });
  await database.transaction(async (writer) => {
    await writer.run("INSERT INTO repositories (id, name, created_at) VALUES (1, 'bench/app', 1)");
    await writer.run(
      `INSERT INTO manifests (id, repository_id, digest, media_type, size, created_at, bytes)
        VALUES (1, 1, 'sha256:${'0'.repeat(64)}', 'application/vnd.oci.image.manifest.v1+json', 2, 1, $1)`,
      Buffer.from('{}'),
    );
    await writer.run(
      `${numbers} INSERT INTO blobs (id, digest, size, key, created_at)
        SELECT i, 'sha256:' || ${padded('i', 64)}, 1000, ${padded('i', 32)}, 1 FROM n`,
      blobs,
    );
    await writer.run(
      'INSERT INTO links (repository_id, blob_id, created_at) SELECT 1, id, 1 FROM blobs ORDER BY id',
    );
    await writer.run(
      `${numbers} INSERT INTO tags (repository_id, name, manifest_id, updated_at)
        SELECT 1, 'v' || ${padded('(i - 1)', 9)}, 1, 1 FROM n`,
      tags,
    );
  });
}
