import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Writer } from '@img/registry/metadata/database';
import { migrate } from '@img/registry/metadata/migrate';
import { SqliteDatabase } from '@img/registry/metadata/sqlite-database';

const rowsTogether = 20_000;

/** Fills the metadata of a registry of ours, before it starts, with blobs of a repository and tags of an image. */
export async function fillMetadata(
  folder: string,
  { blobs, tags }: { readonly blobs: number; readonly tags: number },
): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const database = await SqliteDatabase.open(join(folder, 'metadata.sqlite'));
  try {
    await migrate(database, { now: 1 });
    await database.transaction(async (writer) => {
      await writer.run("INSERT INTO repositories (id, name, created_at) VALUES (1, 'bench/app', 1)");
      await writer.run(
        `INSERT INTO manifests (id, repository_id, digest, media_type, size, created_at, bytes)
          VALUES (1, 1, 'sha256:${'0'.repeat(64)}', 'application/vnd.oci.image.manifest.v1+json', 2, 1, $1)`,
        Buffer.from('{}'),
      );
    });
    await inPortions(database, blobs, addBlob);
    await inPortions(database, tags, addTag);
  } finally {
    await database.close();
  }
}

async function inPortions(
  database: SqliteDatabase,
  count: number,
  add: (writer: Writer, index: number) => Promise<void>,
): Promise<void> {
  for (let at = 0; at < count; at += rowsTogether) {
    const end = Math.min(count, at + rowsTogether);
    await database.transaction(
      async (writer) => {
        for (let index = at; index < end; index += 1) await add(writer, index);
      },
      { durable: false },
    );
  }
}

async function addBlob(writer: Writer, index: number): Promise<void> {
  const hex = randomBytes(32).toString('hex');
  await writer.run(
    'INSERT INTO blobs (id, digest, size, key, created_at) VALUES ($1, $2, 1000, $3, 1)',
    index + 1,
    `sha256:${hex}`,
    hex,
  );
  await writer.run('INSERT INTO links (repository_id, blob_id, created_at) VALUES (1, $1, 1)', index + 1);
}

async function addTag(writer: Writer, index: number): Promise<void> {
  await writer.run(
    'INSERT INTO tags (repository_id, name, manifest_id, updated_at) VALUES (1, $1, 1, 1)',
    `v${String(index).padStart(9, '0')}`,
  );
}
