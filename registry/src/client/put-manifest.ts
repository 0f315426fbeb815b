import { digestAlgorithm, isDigest } from '@img/spec/digest';
import { type Manifest, parseManifest } from '@img/spec/manifest';
import { routePath } from '@img/spec/routes';
import { RegistryError } from '../registry-error.ts';
import type { ManifestContent, PutManifestOptions } from '../transfer/content.ts';
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
  const said = answer.header('docker-content-digest');
  if (said !== undefined && isDigest(said) && said !== descriptor.digest) {
    throw new RegistryError(
      'DIGEST_MISMATCH',
      `could not ${what}: the registry stored ${said} instead of ${descriptor.digest}`,
    );
  }
  if (isTagBeside && !(answer.header('oci-tag') ?? '').split(/\s*,\s*/).includes(tag)) {
    throw new RegistryError('REQUEST_REFUSED', `could not ${what}: the registry can't tag a sha512 digest`);
  }
  await keepReferrer(remote, content, manifest, answer, signal);
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
