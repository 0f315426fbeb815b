import type { Digest } from '@img/spec/digest';
import { artifactTypeOf, type Manifest } from '@img/spec/manifest';
import type { RepositoryName } from '@img/spec/repository-name';
import type { Tag } from '@img/spec/tag';
import type { Reader, Row, Writer } from './database.ts';

/** A manifest or index without its bytes. */
export type ManifestHead = {
  readonly id: number;
  readonly repository_id: number;
  readonly digest: Digest;
  readonly media_type: string;
  readonly size: number;
  /** When it was last pulled, to the hour; null for never. */
  readonly pulled_at: number | null;
  /** When something last let go of it: a tag, an index, a subject, or whoever pushed it. */
  readonly left_at: number;
};

/** A manifest or index, byte for byte as it was pushed. */
export type StoredManifest = ManifestHead & { readonly bytes: Uint8Array };

const headColumns =
  'm.id, m.repository_id, m.digest, m.media_type, m.size, m.pulled_at, COALESCE(m.left_at, m.created_at) AS left_at';

/** Finds a manifest by tag or digest in a repository. */
export async function findManifest(
  reader: Reader,
  repository: RepositoryName,
  reference: { readonly tag: Tag } | { readonly digest: Digest },
): Promise<StoredManifest | undefined> {
  return find<StoredManifest>(reader, `${headColumns}, m.bytes`, repository, reference);
}

/** {@link findManifest} for those who don't need the bytes. */
export async function findManifestHead(
  reader: Reader,
  repository: RepositoryName,
  reference: { readonly tag: Tag } | { readonly digest: Digest },
): Promise<ManifestHead | undefined> {
  return find<ManifestHead>(reader, headColumns, repository, reference);
}

async function find<R extends Row>(
  reader: Reader,
  columns: string,
  repository: RepositoryName,
  reference: { readonly tag: Tag } | { readonly digest: Digest },
): Promise<R | undefined> {
  return 'tag' in reference
    ? reader.get<R>(
        `SELECT ${columns} FROM repositories r
          JOIN tags t ON t.repository_id = r.id JOIN manifests m ON m.id = t.manifest_id
          WHERE r.name = $1 AND t.name = $2`,
        repository,
        reference.tag,
      )
    : reader.get<R>(
        `SELECT ${columns} FROM repositories r JOIN manifests m ON m.repository_id = r.id
          WHERE r.name = $1 AND m.digest = $2`,
        repository,
        reference.digest,
      );
}

export type NewManifest = {
  readonly repositoryId: number;
  readonly digest: Digest;
  readonly manifest: Manifest;
  readonly bytes: Uint8Array;
};

/** Stores a manifest; returns its number, or undefined if the repository has it already. */
export async function insertManifest(
  writer: Writer,
  { repositoryId, digest, manifest, bytes }: NewManifest,
  now: number,
): Promise<number | undefined> {
  const { subject } = manifest;
  const row = await writer.get<{ id: number }>(
    `INSERT INTO manifests
        (repository_id, digest, media_type, artifact_type, subject, annotations, size, created_at, left_at, bytes)
      VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8, $9) ON CONFLICT (repository_id, digest) DO NOTHING RETURNING id`,
    repositoryId,
    digest,
    manifest.mediaType,
    artifactTypeOf(manifest) ?? null,
    subject?.digest ?? null,
    subject === undefined ? null : JSON.stringify(manifest.annotations),
    bytes.byteLength,
    now,
    bytes,
  );
  return row?.id;
}

/** Removes a manifest with its edges; its tags must be gone before. */
export async function deleteManifestRow(writer: Writer, id: number): Promise<void> {
  await writer.run('DELETE FROM manifests WHERE id = $1', id);
}

/** Counts the time without a tag, an index or a subject from now on; false if the manifest is gone. */
export async function noteLeft(writer: Writer, id: number, now: number): Promise<boolean> {
  return (await writer.run('UPDATE manifests SET left_at = $1 WHERE id = $2', now, id)) > 0;
}

/** {@link noteLeft} for what a manifest is about to leave: those that it lists, and those whose subject it is. */
export async function noteLeftBy(
  writer: Writer,
  { id, repository_id, digest }: Pick<ManifestHead, 'id' | 'repository_id' | 'digest'>,
  now: number,
): Promise<void> {
  await writer.run(
    `UPDATE manifests SET left_at = $1 WHERE repository_id = $2
      AND digest IN (SELECT digest FROM edges WHERE manifest_id = $3 AND kind = 'manifest')`,
    now,
    repository_id,
    id,
  );
  await writer.run(
    'UPDATE manifests SET left_at = $1 WHERE repository_id = $2 AND subject = $3',
    now,
    repository_id,
    digest,
  );
}

/** Notes when manifests were pulled, by their numbers. */
export async function notePulls(writer: Writer, pulls: ReadonlyMap<number, number>): Promise<void> {
  // In one order in all processes, so that none waits for another that waits for it.
  for (const [id, at] of [...pulls].toSorted(([a], [b]) => a - b)) {
    await writer.run('UPDATE manifests SET pulled_at = $1 WHERE id = $2', at, id);
  }
}
