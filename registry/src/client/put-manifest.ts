import { type Digest, digestAlgorithm, isDigest } from '@img/spec/digest';
import { type Manifest, parseManifest } from '@img/spec/manifest';
import { routePath } from '@img/spec/routes';
import type { Tag } from '@img/spec/tag';
import { RegistryError } from '../registry-error.ts';
import type { ContentOptions, ManifestContent, PutManifestOptions } from '../transfer/content.ts';
import { addFallbackReferrer } from './fallback-referrers.ts';
import { putUnderTag } from './put-under-tag.ts';
import type { RemoteRepository } from './remote-repository.ts';
import type { Answer } from './transport.ts';

/**
 * Stores a manifest, under a tag if one is given. A manifest with a subject is also added to the list of
 * referrers that clients keep, if the registry keeps none.
 *
 * @throws RegistryError DIGEST_MISMATCH, TAG_MOVED, REQUEST_REFUSED for a sha512 manifest that the registry can't tag, and
 *   what requests throw
 */
export async function putManifest(
  remote: RemoteRepository,
  content: ManifestContent,
  { tag, replaces, signal }: PutManifestOptions = {},
): Promise<void> {
  const { descriptor, bytes } = content;
  const manifest = parseManifest(bytes, descriptor.mediaType);
  const what = `put manifest ${tag ?? descriptor.digest} into ${remote.name}`;
  // By tag alone, a registry takes the sha256 digest, so another one has to be named besides the tag.
  const isTagBeside = tag !== undefined && digestAlgorithm(descriptor.digest) !== 'sha256';
  const path = routePath.manifest(remote.path, isTagBeside ? descriptor.digest : (tag ?? descriptor.digest));
  const put = (conditions: { readonly [name: string]: string }) =>
    remote.connection.request({
      what,
      method: 'PUT',
      target: isTagBeside ? `${path}?tag=${tag}` : path,
      scopes: remote.scopes,
      headers: { 'content-type': descriptor.mediaType, ...conditions },
      body: { sizeBytes: bytes.byteLength, open: () => once(bytes) },
      accept: replaces === undefined ? [200, 201, 202] : [200, 201, 202, 412],
      signal,
    });
  const answer =
    tag === undefined || replaces === undefined
      ? await put({})
      : await putUnderTag(remote, { tag, digest: descriptor.digest, replaces, put }, signal);
  await answer.discard();
  checkStored(answer, what, descriptor.digest);
  if (isTagBeside && !tagsIn(answer).includes(tag)) {
    throw new RegistryError('REQUEST_REFUSED', `could not ${what}: the registry can't tag a sha512 digest`);
  }
  await keepReferrer(remote, content, manifest, answer, signal);
}

/**
 * Stores a manifest under several tags with one request, where the registry knows that (distribution-spec after 1.1,
 * "Pushing Manifests with Tags"); others store it under the first one, and are asked again for the rest.
 *
 * @param tags one at least
 * @throws as putManifest() does; RegistryError TAG_REFUSED may mean any of the tags
 */
export async function putTagged(
  remote: RemoteRepository,
  content: ManifestContent,
  tags: readonly Tag[],
  { signal }: ContentOptions = {},
): Promise<void> {
  const { descriptor, bytes } = content;
  const [first, ...others] = tags;
  if (first === undefined) throw new Error('there is no tag');
  let left = tags;
  if (digestAlgorithm(descriptor.digest) === 'sha256') {
    const what = `put manifest ${tags.join(', ')} into ${remote.name}`;
    const answer = await remote.connection.request({
      what,
      method: 'PUT',
      target: `${routePath.manifest(remote.path, first)}?${others.map((tag) => `tag=${tag}`).join('&')}`,
      scopes: remote.scopes,
      headers: { 'content-type': descriptor.mediaType },
      body: { sizeBytes: bytes.byteLength, open: () => once(bytes) },
      accept: [200, 201, 202],
      signal,
    });
    await answer.discard();
    checkStored(answer, what, descriptor.digest);
    const manifest = parseManifest(bytes, descriptor.mediaType);
    await keepReferrer(remote, content, manifest, answer, signal);
    const stored = tagsIn(answer);
    left = others.filter((tag) => !stored.includes(tag));
  }
  for (const tag of left)
    await putManifest(remote, content, { tag, ...(signal === undefined ? {} : { signal }) });
}

function checkStored(answer: Answer, what: string, digest: Digest): void {
  const said = answer.header('docker-content-digest');
  if (said === undefined || !isDigest(said) || said === digest) return;
  throw new RegistryError(
    'DIGEST_MISMATCH',
    `could not ${what}: the registry stored ${said} instead of ${digest}`,
  );
}

function tagsIn(answer: Answer): readonly string[] {
  return (answer.header('oci-tag') ?? '').split(/\s*,\s*/);
}

async function keepReferrer(
  remote: RemoteRepository,
  content: ManifestContent,
  manifest: Manifest,
  answer: Answer,
  signal: AbortSignal | undefined,
): Promise<void> {
  // The header says that the registry processed the subject (distribution-spec, "Pushing Manifests with Subject").
  if (manifest.subject === undefined || answer.header('oci-subject') !== undefined) return;
  await addFallbackReferrer(remote, manifest.subject.digest, content, manifest, signal);
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
