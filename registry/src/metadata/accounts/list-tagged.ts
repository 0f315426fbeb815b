import type { Digest } from '@img/spec/digest';
import type { RepositoryName } from '@img/spec/repository-name';
import type { Tag } from '@img/spec/tag';
import type { Reader } from '../database.ts';
import { isImageTag } from './image-tags.ts';

/** A tag with the digest that it points at; times are milliseconds since 1970. */
export type TaggedDigest = {
  readonly tag: Tag;
  readonly updated_at: number;
  readonly digest: Digest;
  /** When its image was last pulled, to the hour; null for never. */
  readonly pulled_at: number | null;
};

/** Tags, the ones moved last first; without those that only attach signatures to a digest (`sha256-<hex>…`). */
export async function listTagged(
  reader: Reader,
  repository: RepositoryName,
  { skip, limit }: { readonly skip: number; readonly limit: number },
): Promise<readonly TaggedDigest[]> {
  return reader.all<TaggedDigest>(
    `SELECT t.name AS tag, t.updated_at, m.digest, m.pulled_at
      FROM repositories r JOIN tags t ON t.repository_id = r.id JOIN manifests m ON m.id = t.manifest_id
      WHERE r.name = $1 AND ${isImageTag('t.name')}
      ORDER BY t.updated_at DESC, t.name LIMIT $2 OFFSET $3`,
    repository,
    limit,
    skip,
  );
}

/** A move of a tag in any repository; a digest of null is its removal. */
export type RepositoryMove = {
  readonly repository: RepositoryName;
  readonly tag: Tag;
  readonly digest: Digest | null;
  readonly actor: string;
  readonly at: number;
};

/** The latest moves of tags in all repositories, newest first. */
export async function listMoves(reader: Reader, limit: number): Promise<readonly RepositoryMove[]> {
  return reader.all<RepositoryMove>(
    `SELECT r.name AS repository, h.name AS tag, h.digest, h.actor, h.at
      FROM tag_history h JOIN repositories r ON r.id = h.repository_id ORDER BY h.id DESC LIMIT $1`,
    limit,
  );
}
