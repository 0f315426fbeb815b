import type { NamePrefix } from '@img/spec/name-prefix';
import type { RepositoryName } from '@img/spec/repository-name';
import type { Reader } from '../database.ts';
import { isImageTag } from './image-tags.ts';

/** A repository that holds something, with what a list shows of it. */
export type RepositorySummary = {
  readonly name: RepositoryName;
  readonly tags: number;
  /** When a tag last moved, in milliseconds since 1970; null if there is no tag. */
  readonly pushed_at: number | null;
  /** 1 if everybody may pull it by its own setting. */
  readonly is_public: number;
};

export type RepositoryQuery = {
  /** Repositories that these cover, beside the ones with the setting that everybody may pull them. */
  readonly below: readonly NamePrefix[];
  /** A part of the name; empty for all. */
  readonly search: string;
  /** The name after which the page begins. */
  readonly after: string;
  readonly limit: number;
};

/** Repositories in byte order of their names. */
export async function listRepositoriesOf(
  reader: Reader,
  { below, search, after, limit }: RepositoryQuery,
): Promise<readonly RepositorySummary[]> {
  const values: (string | number)[] = [after, search, limit];
  const ranges = below.flatMap(rangesOf).map(([from, to]) => {
    values.push(from, to);
    return `(r.name >= $${values.length - 1} AND r.name < $${values.length})`;
  });
  const ofImages = isImageTag('t.name');
  return reader.all<RepositorySummary>(
    `SELECT r.name, (SELECT count(*) FROM tags t WHERE t.repository_id = r.id AND ${ofImages}) AS tags,
        (SELECT max(t.updated_at) FROM tags t WHERE t.repository_id = r.id AND ${ofImages}) AS pushed_at,
        CASE WHEN p.name IS NULL THEN 0 ELSE 1 END AS is_public
      FROM repositories r LEFT JOIN public_repositories p ON p.name = r.name
      WHERE r.name > $1 AND ($2 = '' OR replace(r.name, $2, '') <> r.name)
        AND EXISTS (SELECT 1 FROM manifests m WHERE m.repository_id = r.id)
        AND (${['p.name IS NOT NULL', ...ranges].join(' OR ')})
      ORDER BY r.name LIMIT $3`,
    ...values,
  );
}

// In byte order "-" < "." < "/" < "0" < letters, so each of these is one range of the index.
function rangesOf(prefix: NamePrefix): readonly (readonly [from: string, to: string])[] {
  if (prefix === '*') return [['', '~']];
  if (prefix.endsWith('.')) return [[prefix, `${prefix.slice(0, -1)}/`]];
  if (prefix.endsWith('/')) return [[prefix, `${prefix.slice(0, -1)}0`]];
  return [
    [prefix, `${prefix}-`],
    [`${prefix}.`, `${prefix}0`],
  ];
}
