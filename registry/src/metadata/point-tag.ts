import type { Digest } from '@img/spec/digest';
import type { RepositoryName } from '@img/spec/repository-name';
import type { Tag } from '@img/spec/tag';
import type { Writer } from './database.ts';
import { findManifestHead } from './manifests.ts';
import { findTag, setTag, type TagMove } from './tags.ts';

export type Pointing = {
  readonly tag: Tag;
  readonly digest: Digest;
  /** What the tag must point at now, empty for nothing; undefined where that doesn't matter. */
  readonly current: string | undefined;
};

/** What became of it: `moved` if the tag points at something else than expected. */
export type PointResult =
  | { readonly kind: 'done' }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'moved'; readonly to: Digest | undefined };

/** Points a tag at a manifest that the repository has. */
export async function pointTag(
  writer: Writer,
  repository: RepositoryName,
  { tag, digest, current }: Pointing,
  move: TagMove,
): Promise<PointResult> {
  const manifest = await findManifestHead(writer, repository, { digest });
  if (manifest === undefined) return { kind: 'unknown' };
  const to = await findTag(writer, manifest.repository_id, tag);
  if (current !== undefined && current !== (to ?? '')) return { kind: 'moved', to };
  await setTag(writer, manifest, tag, move);
  return { kind: 'done' };
}
