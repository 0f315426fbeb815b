import type { Digest } from '@img/spec/digest';
import type { Tag } from '@img/spec/tag';
import type { Reader, Writer } from './database.ts';
import type { ManifestHead } from './manifests.ts';

/** Who moved a tag, and when. */
export type TagMove = { readonly actor: string; readonly now: number };

/** The digest that the tag points at. */
export async function findTag(reader: Reader, repositoryId: number, tag: Tag): Promise<Digest | undefined> {
  const row = await reader.get<{ digest: Digest }>(
    `SELECT m.digest FROM tags t JOIN manifests m ON m.id = t.manifest_id
      WHERE t.repository_id = $1 AND t.name = $2`,
    repositoryId,
    tag,
  );
  return row?.digest;
}

/** Points a tag at a manifest of the same repository; each change leaves a row in the history. */
export async function setTag(
  writer: Writer,
  manifest: Pick<ManifestHead, 'id' | 'repository_id' | 'digest'>,
  tag: Tag,
  { actor, now }: TagMove,
): Promise<void> {
  const before = await findTag(writer, manifest.repository_id, tag);
  if (before !== undefined && before !== manifest.digest) {
    await noteTagLeaves(writer, manifest.repository_id, tag, now);
  }
  await writer.run(
    `INSERT INTO tags (repository_id, name, manifest_id, updated_at) VALUES ($1, $2, $3, $4)
      ON CONFLICT (repository_id, name)
      DO UPDATE SET manifest_id = excluded.manifest_id, updated_at = excluded.updated_at`,
    manifest.repository_id,
    tag,
    manifest.id,
    now,
  );
  if (before !== manifest.digest) {
    await noteMove(writer, manifest.repository_id, tag, manifest.digest, { actor, now });
  }
}

/** Removes a tag, and nothing but the tag; false if there is none. */
export async function removeTag(
  writer: Writer,
  repositoryId: number,
  tag: Tag,
  move: TagMove,
): Promise<boolean> {
  await noteTagLeaves(writer, repositoryId, tag, move.now);
  const removed = await writer.run(
    'DELETE FROM tags WHERE repository_id = $1 AND name = $2',
    repositoryId,
    tag,
  );
  if (removed > 0) await noteMove(writer, repositoryId, tag, null, move);
  return removed > 0;
}

/** Removes every tag that points at the manifest. */
export async function removeTagsOf(
  writer: Writer,
  manifest: Pick<ManifestHead, 'id' | 'repository_id'>,
  move: TagMove,
): Promise<void> {
  const rows = await writer.all<{ name: Tag }>('SELECT name FROM tags WHERE manifest_id = $1', manifest.id);
  for (const { name } of rows) await removeTag(writer, manifest.repository_id, name, move);
}

export type TagPage = {
  /** The tag after which the page begins; it need not exist. */
  readonly after?: string;
  readonly limit: number;
};

/** Tags of a repository in byte order. */
export async function listTags(
  reader: Reader,
  repositoryId: number,
  { after = '', limit }: TagPage,
): Promise<readonly Tag[]> {
  const rows = await reader.all<{ name: Tag }>(
    'SELECT name FROM tags WHERE repository_id = $1 AND name > $2 ORDER BY name LIMIT $3',
    repositoryId,
    after,
    limit,
  );
  return rows.map(({ name }) => name);
}

/** One move of a tag; a digest of null is its removal. */
export type TagHistoryEntry = {
  readonly digest: Digest | null;
  readonly actor: string;
  readonly at: number;
  /** 1 if the repository still has what it pointed at. */
  readonly is_stored: number;
};

/** The latest moves of a tag, newest first. */
export async function listTagHistory(
  reader: Reader,
  repositoryId: number,
  tag: Tag,
  limit: number,
): Promise<readonly TagHistoryEntry[]> {
  return reader.all<TagHistoryEntry>(
    `SELECT h.digest, h.actor, h.at, CASE WHEN m.id IS NULL THEN 0 ELSE 1 END AS is_stored
      FROM tag_history h LEFT JOIN manifests m ON m.repository_id = h.repository_id AND m.digest = h.digest
      WHERE h.repository_id = $1 AND h.name = $2 ORDER BY h.id DESC LIMIT $3`,
    repositoryId,
    tag,
    limit,
  );
}

/** Counts the time that its manifest is without the tag. */
async function noteTagLeaves(writer: Writer, repositoryId: number, tag: Tag, now: number): Promise<void> {
  await writer.run(
    `UPDATE manifests SET left_at = $1
      WHERE id = (SELECT manifest_id FROM tags WHERE repository_id = $2 AND name = $3)`,
    now,
    repositoryId,
    tag,
  );
}

async function noteMove(
  writer: Writer,
  repositoryId: number,
  tag: Tag,
  digest: Digest | null,
  { actor, now }: TagMove,
): Promise<void> {
  await writer.run(
    'INSERT INTO tag_history (repository_id, name, digest, actor, at) VALUES ($1, $2, $3, $4, $5)',
    repositoryId,
    tag,
    digest,
    actor,
    now,
  );
}
