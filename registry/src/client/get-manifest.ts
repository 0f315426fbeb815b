import { type Digest, digestAlgorithm, digestOf, isDigest } from '@img/spec/digest';
import { limits } from '@img/spec/limits';
import { parseManifest } from '@img/spec/manifest';
import { bareMediaType, manifestMediaTypes } from '@img/spec/media-types';
import { quote } from '@img/spec/quote';
import { routePath } from '@img/spec/routes';
import type { Tag } from '@img/spec/tag';
import { RegistryError } from '../registry-error.ts';
import type { ContentOptions, ManifestContent } from '../transfer/content.ts';
import { readBody } from './read-body.ts';
import type { RemoteRepository } from './remote-repository.ts';
import { withRetries } from './retry.ts';
import type { Answer } from './transport.ts';

/**
 * Gets a manifest by tag or digest, checked against the digest asked for and the one that the registry says;
 * undefined if there is none.
 *
 * @throws RegistryError CONTENT_TYPE_INVALID, DIGEST_MISMATCH, IMAGE_INVALID and what requests throw
 */
export async function getManifest(
  { connection, name, path, scopes }: RemoteRepository,
  reference: Tag | Digest,
  { signal }: ContentOptions = {},
): Promise<ManifestContent | undefined> {
  const what = `get manifest ${reference} of ${name}`;
  return await withRetries(connection.retry, signal, async () => {
    const answer = await connection.request({
      what,
      method: 'GET',
      target: routePath.manifest(path, reference),
      scopes,
      headers: { accept: manifestMediaTypes.join(', ') },
      accept: [200, 404],
      isRetried: false,
      signal,
    });
    if (answer.status === 404) {
      await answer.discard();
      return undefined;
    }
    const mediaType = await manifestType(answer, what);
    const bytes = await readBody(answer, limits.manifestBytes, what);
    const digest = checkedDigest(bytes, reference, answer, what);
    checkManifest(bytes, mediaType, what);
    return { descriptor: { mediaType, digest, size: bytes.byteLength }, bytes };
  });
}

async function manifestType(answer: Answer, what: string): Promise<string> {
  const header = answer.header('content-type');
  const mediaType = bareMediaType(header ?? '');
  if (manifestMediaTypes.includes(mediaType)) return mediaType;
  await answer.discard();
  throw new RegistryError(
    'CONTENT_TYPE_INVALID',
    `could not ${what}: the answer is ${header === undefined ? 'of no type' : quote(header)}, not a manifest`,
    { hint: 'something other than a registry may have answered, such as a proxy or a log-in page' },
  );
}

function checkedDigest(bytes: Uint8Array, reference: Tag | Digest, answer: Answer, what: string): Digest {
  const said = answer.header('docker-content-digest');
  const asked = isDigest(reference) ? reference : undefined;
  const expected = asked ?? (said !== undefined && isDigest(said) ? said : undefined);
  if (expected === undefined) return digestOf(bytes);
  const digest = digestOf(bytes, digestAlgorithm(expected));
  if (digest === expected) return digest;
  throw new RegistryError(
    'DIGEST_MISMATCH',
    `could not ${what}: it should have the digest ${expected} but has ${digest}`,
    asked === undefined
      ? { hint: 'the registry contradicts itself; it may be in the middle of a change' }
      : {},
  );
}

function checkManifest(bytes: Uint8Array, mediaType: string, what: string): void {
  try {
    parseManifest(bytes, mediaType);
  } catch (cause) {
    throw new RegistryError('IMAGE_INVALID', `could not ${what}: ${(cause as Error).message}`, { cause });
  }
}
