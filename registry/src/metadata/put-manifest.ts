import type { Descriptor } from '@img/spec/descriptor';
import type { Digest } from '@img/spec/digest';
import type { Manifest } from '@img/spec/manifest';
import { isIndexMediaType, isManifestMediaType, isNondistributable } from '@img/spec/media-types';
import type { RepositoryName } from '@img/spec/repository-name';
import type { Tag } from '@img/spec/tag';
import type { Writer } from './database.ts';
import { type Edges, findTargets, insertEdges } from './edges.ts';
import { requestRecord } from './manifest-records.ts';
import { findManifestHead, insertManifest, type ManifestHead, noteLeft } from './manifests.ts';
import { ensureRepository } from './repositories.ts';
import { findTag, setTag, type TagMove } from './tags.ts';

export type ManifestPut = {
  readonly repository: RepositoryName;
  readonly digest: Digest;
  readonly manifest: Manifest;
  readonly bytes: Uint8Array;
  readonly tags: readonly Tag[];
  /** Called with the digest that a tag points at before it is moved; throws to refuse. */
  readonly checkTag?: (tag: Tag, current: Digest | undefined) => void;
};

/** What a stored manifest points at but the repository doesn't have, or has with another size. */
export type ManifestGaps = { readonly missing: readonly Digest[]; readonly wrongSize: readonly Descriptor[] };

/** Stores a manifest and points its tags at it. What it points at need not be there; the gaps are returned. */
export async function putManifest(
  writer: Writer,
  { repository, digest, manifest, bytes, tags, checkTag }: ManifestPut,
  move: TagMove,
): Promise<ManifestGaps> {
  const repositoryId = await ensureRepository(writer, repository, move.now);
  for (const tag of tags) checkTag?.(tag, await findTag(writer, repositoryId, tag));
  const edges = edgesOf(manifest);
  const inserted = await insertManifest(writer, { repositoryId, digest, manifest, bytes }, move.now);
  if (inserted !== undefined) {
    await requestRecord(writer, inserted);
    for (const some of edges) await insertEdges(writer, { id: inserted, repositoryId }, some);
  }
  const id = inserted ?? (await pushAgain(writer, repository, digest, move.now));
  for (const tag of tags) await setTag(writer, { id, repository_id: repositoryId, digest }, tag, move);
  return findGaps(writer, repositoryId, edges);
}

/** Whoever pushes what is there already gets the same time as whoever pushed it first. */
async function pushAgain(
  writer: Writer,
  repository: RepositoryName,
  digest: Digest,
  now: number,
): Promise<number> {
  const { id } = (await findManifestHead(writer, repository, { digest })) as ManifestHead;
  await noteLeft(writer, id, now);
  return id;
}

/**
 * What a manifest points at, by where the registry keeps it. An index may also list blobs: build caches do.
 */
function edgesOf(manifest: Manifest): readonly [Edges, Edges] {
  const descriptors = manifest.kind === 'index' ? manifest.manifests : [];
  const isManifest = ({ mediaType }: Descriptor) =>
    isManifestMediaType(mediaType) || isIndexMediaType(mediaType);
  const blobs =
    manifest.kind === 'index'
      ? descriptors.filter((descriptor) => !isManifest(descriptor))
      : [manifest.config, ...manifest.layers];
  return [
    { kind: 'manifest', descriptors: descriptors.filter(isManifest) },
    { kind: 'blob', descriptors: blobs },
  ];
}

async function findGaps(
  writer: Writer,
  repositoryId: number,
  edges: readonly Edges[],
): Promise<ManifestGaps> {
  const missing = new Set<Digest>();
  const wrongSize: Descriptor[] = [];
  for (const some of edges) {
    const sizes = await findTargets(writer, repositoryId, some);
    for (const descriptor of some.descriptors) {
      const size = sizes.get(descriptor.digest);
      if (size === undefined && !isNondistributable(descriptor.mediaType)) missing.add(descriptor.digest);
      if (size !== undefined && size !== descriptor.size) wrongSize.push(descriptor);
    }
  }
  return { missing: [...missing], wrongSize };
}
