import type { Descriptor } from '@img/spec/descriptor';
import { type Digest, isDigest } from '@img/spec/digest';
import { manifestMediaTypes, mediaTypes } from '@img/spec/media-types';
import { routePath } from '@img/spec/routes';
import type { Tag } from '@img/spec/tag';
import { RegistryError } from '../registry-error.ts';
import type { ContentOptions } from '../transfer/content.ts';
import { contentLength } from './read-body.ts';
import type { RemoteRepository } from './remote-repository.ts';

/** What a tag means; the digest is undefined where the registry doesn't say it. */
export type TagHead = { readonly digest: Digest | undefined };

/** Asks what a tag means without getting it, which registries don't count as a pull; undefined if there is no tag. */
export async function headTag(
  { connection, name, path, scopes }: RemoteRepository,
  tag: Tag,
  { signal }: ContentOptions = {},
): Promise<TagHead | undefined> {
  const answer = await connection.request({
    what: `look for tag ${tag} of ${name}`,
    method: 'HEAD',
    target: routePath.manifest(path, tag),
    scopes,
    headers: { accept: manifestMediaTypes.join(', ') },
    accept: [200, 404],
    signal,
  });
  await answer.discard();
  if (answer.status === 404) return undefined;
  const digest = answer.header('docker-content-digest');
  return { digest: digest !== undefined && isDigest(digest) ? digest : undefined };
}

/**
 * Describes a blob by what the registry says of its size; undefined if there is none.
 *
 * @throws RegistryError ANSWER_INVALID if it doesn't say the size
 */
export async function headBlob(
  { connection, name, path, scopes }: RemoteRepository,
  digest: Digest,
  { signal }: ContentOptions = {},
): Promise<Descriptor | undefined> {
  const what = `look for blob ${digest} of ${name}`;
  const answer = await connection.request({
    what,
    method: 'HEAD',
    target: routePath.blob(path, digest),
    scopes,
    accept: [200, 404],
    signal,
  });
  await answer.discard();
  if (answer.status === 404) return undefined;
  const size = contentLength(answer);
  if (size === undefined) {
    throw new RegistryError('ANSWER_INVALID', `could not ${what}: the answer doesn't say its size`);
  }
  return { mediaType: mediaTypes.octetStream, digest, size };
}
