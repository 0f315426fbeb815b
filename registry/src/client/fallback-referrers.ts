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
import { putUnderTag } from './put-under-tag.ts';
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
  return (await fallbackIndex(remote, subject, signal))?.index?.manifests ?? [];
}

// Two clients that add at the same time overwrite each other; who is overwritten adds again.
const maxTries = 20;

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
    const before = await fallbackIndex(remote, subject, signal);
    const manifests = before?.index?.manifests ?? [];
    if (manifests.some(({ digest }) => digest === entry.digest)) return;
    if (await putIndex(remote, subject, { before, manifests: [...manifests, entry] }, signal)) return;
  }
  throw new RegistryError(
    'REQUEST_REFUSED',
    `could not note ${descriptor.digest} as a referrer of ${subject} in ${remote.name}: others overwrite the list`,
    { hint: 'push again when no other client pushes for this image' },
  );
}

/**
 * Takes a referrer out of the index, if it is there.
 *
 * @throws RegistryError REQUEST_REFUSED if other clients keep changing it
 */
export async function removeFallbackReferrer(
  remote: RemoteRepository,
  subject: Digest,
  referrer: Digest,
  signal: AbortSignal | undefined,
): Promise<void> {
  for (let tries = 0; tries <= maxTries; tries += 1) {
    const before = await fallbackIndex(remote, subject, signal);
    const all = before?.index?.manifests ?? [];
    const manifests = all.filter(({ digest }) => digest !== referrer);
    if (manifests.length === all.length) return;
    if (await putIndex(remote, subject, { before, manifests }, signal)) return;
  }
  throw new RegistryError(
    'REQUEST_REFUSED',
    `could not take ${referrer} out of the referrers of ${subject} in ${remote.name}: others overwrite the list`,
    { hint: 'try again when no other client pushes for this image' },
  );
}

/** Without an index where the tag holds something else. */
type FoundIndex = { readonly digest: Digest; readonly index: ImageIndex | undefined };

async function fallbackIndex(
  remote: RemoteRepository,
  subject: Digest,
  signal: AbortSignal | undefined,
): Promise<FoundIndex | undefined> {
  const content = await getManifest(remote, referrersTag(subject), { ...(signal && { signal }) });
  if (content === undefined) return undefined;
  const manifest = parseManifest(content.bytes, content.descriptor.mediaType);
  return {
    digest: content.descriptor.digest,
    index: manifest.kind === 'index' ? manifest : undefined,
  };
}

type IndexChange = {
  readonly before: FoundIndex | undefined;
  readonly manifests: readonly Descriptor[];
};

/** @returns whether nobody else has changed the index at the same time */
async function putIndex(
  remote: RemoteRepository,
  subject: Digest,
  { before, manifests }: IndexChange,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const { connection, name, path, scopes } = remote;
  const bytes = encodeManifest({
    kind: 'index',
    mediaType: mediaTypes.ociIndex,
    artifactType: undefined,
    manifests,
    subject: undefined,
    annotations: before?.index?.annotations ?? {},
  });
  const [tag, digest] = [referrersTag(subject), digestOf(bytes)];
  const put = (conditions: { readonly [name: string]: string }) =>
    connection.request({
      what: `note the referrers of ${subject} in ${name} (${digest})`,
      method: 'PUT',
      target: routePath.manifest(path, tag),
      scopes,
      headers: { 'content-type': mediaTypes.ociIndex, ...conditions },
      body: {
        sizeBytes: bytes.byteLength,
        async *open() {
          yield bytes;
        },
      },
      accept: [200, 201, 202, 412],
      signal,
    });
  try {
    const answer = await putUnderTag(remote, { tag, digest, replaces: before?.digest ?? null, put }, signal);
    await answer.discard();
    return true;
  } catch (error) {
    if (error instanceof RegistryError && error.code === 'TAG_MOVED') return false;
    throw error;
  }
}
