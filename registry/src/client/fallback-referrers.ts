import type { Descriptor } from '@img/spec/descriptor';
import { type Digest, digestOf } from '@img/spec/digest';
import {
  artifactTypeOf,
  encodeManifest,
  type ImageIndex,
  type Manifest,
  parseManifest,
} from '@img/spec/manifest';
import { mediaTypes } from '@img/spec/media-types';
import { referrersTag, routePath } from '@img/spec/routes';
import { RegistryError } from '../registry-error.ts';
import type { ManifestContent } from '../transfer/content.ts';
import { getManifest } from './get-manifest.ts';
import type { RemoteRepository } from './remote-repository.ts';

/*
 * Where a registry has no referrers API, clients keep an index of the referrers under a tag made from the
 * subject's digest (distribution-spec, "Referrers Tag Schema").
 */

/** The referrers that clients noted; empty if there are none, or if the tag holds something else. */
export async function fallbackReferrers(
  remote: RemoteRepository,
  subject: Digest,
  signal: AbortSignal | undefined,
): Promise<readonly Descriptor[]> {
  return (await fallbackIndex(remote, subject, signal))?.manifests ?? [];
}

// Two clients that add at the same time overwrite each other; who finds its entry missing adds it again.
const maxTries = 5;

/**
 * Adds a referrer to the index, if it isn't there.
 *
 * @throws RegistryError REQUEST_REFUSED if other clients keep removing it
 */
export async function addFallbackReferrer(
  remote: RemoteRepository,
  subject: Digest,
  { descriptor }: ManifestContent,
  manifest: Manifest,
  signal: AbortSignal | undefined,
): Promise<void> {
  const artifactType = artifactTypeOf(manifest);
  const entry: Descriptor = {
    mediaType: descriptor.mediaType,
    digest: descriptor.digest,
    size: descriptor.size,
    annotations: manifest.annotations,
    ...(artifactType === undefined ? {} : { artifactType }),
  };
  for (let tries = 0; tries <= maxTries; tries += 1) {
    const index = await fallbackIndex(remote, subject, signal);
    if (index?.manifests.some(({ digest }) => digest === entry.digest) === true) return;
    await putIndex(remote, subject, [...(index?.manifests ?? []), entry], signal);
  }
  throw new RegistryError(
    'REQUEST_REFUSED',
    `could not note ${descriptor.digest} as a referrer of ${subject} in ${remote.name}: others overwrite the list`,
    { hint: 'Push again when no other client pushes for this image.' },
  );
}

async function fallbackIndex(
  remote: RemoteRepository,
  subject: Digest,
  signal: AbortSignal | undefined,
): Promise<ImageIndex | undefined> {
  const content = await getManifest(remote, referrersTag(subject), { ...(signal && { signal }) });
  if (content === undefined) return undefined;
  const manifest = parseManifest(content.bytes, content.descriptor.mediaType);
  return manifest.kind === 'index' ? manifest : undefined;
}

async function putIndex(
  { connection, name, path, scopes }: RemoteRepository,
  subject: Digest,
  manifests: readonly Descriptor[],
  signal: AbortSignal | undefined,
): Promise<void> {
  const bytes = encodeManifest({
    kind: 'index',
    mediaType: mediaTypes.ociIndex,
    artifactType: undefined,
    manifests,
    subject: undefined,
    annotations: {},
  });
  const answer = await connection.request({
    what: `note the referrers of ${subject} in ${name} (${digestOf(bytes)})`,
    method: 'PUT',
    target: routePath.manifest(path, referrersTag(subject)),
    scopes,
    headers: { 'content-type': mediaTypes.ociIndex },
    body: {
      sizeBytes: bytes.byteLength,
      async *open() {
        yield bytes;
      },
    },
    accept: [200, 201, 202],
    signal,
  });
  await answer.discard();
}
