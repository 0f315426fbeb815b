import type { Digest } from '@img/spec/digest';
import type { Tag } from '@img/spec/tag';
import { isImageTag } from './accounts/image-tags.ts';
import type { Reader } from './database.ts';

/** A tag with what lists and rules about it ask for; times are milliseconds since 1970. */
export type TagState = {
  readonly tag: Tag;
  readonly digest: Digest;
  readonly manifest_id: number;
  /** When the tag was last pushed. */
  readonly updated_at: number;
  /** When its image was last pulled, by this tag or in another way; null for never. */
  readonly pulled_at: number | null;
};

const select = `SELECT t.name AS tag, m.digest, t.manifest_id, t.updated_at, m.pulled_at
  FROM tags t JOIN manifests m ON m.id = t.manifest_id`;

/** The tags of a repository after one, in byte order; also those that only attach signatures to a digest. */
export async function listTagStates(
  reader: Reader,
  repositoryId: number,
  { after, limit }: { readonly after: string; readonly limit: number },
): Promise<readonly TagState[]> {
  return reader.all<TagState>(
    `${select} WHERE t.repository_id = $1 AND t.name > $2 ORDER BY t.name LIMIT $3`,
    repositoryId,
    after,
    limit,
  );
}

export async function findTagState(
  reader: Reader,
  repositoryId: number,
  tag: Tag,
): Promise<TagState | undefined> {
  return reader.get<TagState>(`${select} WHERE t.repository_id = $1 AND t.name = $2`, repositoryId, tag);
}

/** The oldest of the `count` tags of images that were pushed last; undefined if there are fewer. */
export async function findOldestOfLatest(
  reader: Reader,
  repositoryId: number,
  count: number,
): Promise<Pick<TagState, 'tag' | 'updated_at'> | undefined> {
  return reader.get<Pick<TagState, 'tag' | 'updated_at'>>(
    `SELECT name AS tag, updated_at FROM tags t WHERE repository_id = $1 AND ${isImageTag('t.name')}
      ORDER BY updated_at DESC, name LIMIT 1 OFFSET $2`,
    repositoryId,
    count - 1,
  );
}
