import { randomUUID } from 'node:crypto';
import type { Descriptor } from '@img/spec/descriptor';
import { type Digest, digestOf } from '@img/spec/digest';
import { encodeManifest, type Manifest, parseManifest } from '@img/spec/manifest';
import { mediaTypes } from '@img/spec/media-types';
import { parseRepositoryName } from '@img/spec/repository-name';
import type { Tag } from '@img/spec/tag';
import { createBlobKey } from '../../storage/blob-key.ts';
import { commitBlob } from '../commit-blob.ts';
import type { Database } from '../database.ts';
import { type ManifestGaps, putManifest } from '../put-manifest.ts';
import { insertUpload, lockUpload, type Upload } from '../uploads.ts';

export const repository = parseRepositoryName('com.example.app');
export const otherRepository = parseRepositoryName('com.example.other');

/** A lock token, as one request of one process has it. */
export const token = 'process-1';

export const hourMs = 60 * 60 * 1000;

/** The descriptor of a text as a layer. */
export function layer(text: string): Descriptor {
  const bytes = new TextEncoder().encode(text);
  return { mediaType: mediaTypes.ociLayer, digest: digestOf(bytes), size: bytes.byteLength };
}

/** An upload of a text that is stored but not committed; its row is there and locked by {@link token}. */
export async function beginUpload(database: Database, text: string, into = repository): Promise<Upload> {
  const upload: Upload = {
    id: randomUUID(),
    repository: into,
    owner: 'alice',
    key: createBlobKey(),
    algorithm: undefined,
    state: { sizeBytes: Buffer.byteLength(text), notes: '', tail: new Uint8Array() },
  };
  await database.transaction(async (writer) => {
    await insertUpload(writer, upload, 1);
    await lockUpload(writer, upload.id, { token, now: 1, until: 1000 });
  });
  return upload;
}

/** Commits a text as a blob; to be reviewed an hour after `now`. */
export async function pushBlob(
  database: Database,
  text: string,
  { into = repository, now = 1 } = {},
): Promise<Upload> {
  const upload = await beginUpload(database, text, into);
  const commit = { upload, token, digest: layer(text).digest };
  await database.transaction((writer) => commitBlob(writer, commit, { now, reviewAt: now + hourMs }));
  return upload;
}

export type PushedManifest = {
  readonly digest: Digest;
  readonly descriptor: Descriptor;
  readonly gaps: ManifestGaps;
};

/** Stores a manifest under tags. */
export async function pushManifest(
  database: Database,
  manifest: Manifest,
  {
    tags = [],
    into = repository,
    now = 1,
  }: { tags?: readonly string[]; into?: typeof repository; now?: number } = {},
): Promise<PushedManifest> {
  const bytes = encodeManifest(manifest);
  const digest = digestOf(bytes);
  const put = {
    repository: into,
    digest,
    manifest: parseManifest(bytes),
    bytes,
    tags: tags as readonly Tag[],
  };
  const gaps = await database.transaction((writer) => putManifest(writer, put, { actor: 'alice', now }));
  return { digest, gaps, descriptor: { mediaType: manifest.mediaType, digest, size: bytes.byteLength } };
}

export function imageOf(
  config: string,
  layers: readonly string[],
  more: Partial<Pick<Manifest, 'subject' | 'annotations' | 'artifactType'>> = {},
): Manifest {
  return {
    kind: 'manifest',
    mediaType: mediaTypes.ociManifest,
    artifactType: undefined,
    config: { ...layer(config), mediaType: mediaTypes.ociConfig },
    layers: layers.map(layer),
    subject: undefined,
    annotations: {},
    ...more,
  };
}

export function indexOf(
  manifests: readonly Descriptor[],
  more: Partial<Pick<Manifest, 'subject' | 'annotations' | 'artifactType'>> = {},
): Manifest {
  return {
    kind: 'index',
    mediaType: mediaTypes.ociIndex,
    artifactType: undefined,
    manifests,
    subject: undefined,
    annotations: {},
    ...more,
  };
}
