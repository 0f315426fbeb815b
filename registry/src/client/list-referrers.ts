import type { Descriptor } from '@img/spec/descriptor';
import type { Digest } from '@img/spec/digest';
import { limits } from '@img/spec/limits';
import { parseManifest } from '@img/spec/manifest';
import { bareMediaType, mediaTypes } from '@img/spec/media-types';
import { quote } from '@img/spec/quote';
import { routePath } from '@img/spec/routes';
import { RegistryError } from '../registry-error.ts';
import type { ContentOptions } from '../transfer/content.ts';
import { fallbackReferrers } from './fallback-referrers.ts';
import { Pages } from './pages.ts';
import { readBody } from './read-body.ts';
import type { RemoteRepository } from './remote-repository.ts';
import { withRetries } from './retry.ts';
import type { Answer } from './transport.ts';

// How registries without the API answer; the specification knows 404 only.
const absentStatuses = [404, 405, 501];

/**
 * Lists the manifests that name the digest as their subject, from the API or, where it is absent, from the tag
 * that clients keep.
 *
 * @throws RegistryError CONTENT_TYPE_INVALID, IMAGE_INVALID, LINK_REFUSED, ANSWER_TOO_LONG and what requests throw
 */
export async function listReferrers(
  remote: RemoteRepository,
  subject: Digest,
  { signal }: ContentOptions = {},
): Promise<readonly Descriptor[]> {
  const what = `list the referrers of ${subject} in ${remote.name}`;
  const pages = new Pages(what);
  const found: Descriptor[] = [];
  let target: string | URL | undefined = routePath.referrers(remote.path, subject);
  while (target !== undefined) {
    const page: Page | undefined = await getPage(remote, target, what, pages, signal);
    if (page === undefined) return await fallbackReferrers(remote, subject, signal);
    found.push(...page.descriptors);
    if (found.length > limits.indexManifests) {
      throw new RegistryError(
        'ANSWER_TOO_LONG',
        `could not ${what}: there are more than the ${limits.indexManifests} allowed`,
      );
    }
    target = page.next;
  }
  return found;
}

type Page = { readonly descriptors: readonly Descriptor[]; readonly next: URL | undefined };

async function getPage(
  { connection, scopes }: RemoteRepository,
  target: string | URL,
  what: string,
  pages: Pages,
  signal: AbortSignal | undefined,
): Promise<Page | undefined> {
  return await withRetries(connection.retry, signal, async () => {
    const answer = await connection.request({
      what,
      method: 'GET',
      target,
      scopes,
      headers: { accept: mediaTypes.ociIndex },
      accept: [200, ...absentStatuses],
      isRetried: false,
      signal,
    });
    if (absentStatuses.includes(answer.status)) {
      await answer.discard();
      return undefined;
    }
    return { descriptors: await descriptorsOf(answer, what), next: pages.next(answer) };
  });
}

async function descriptorsOf(answer: Answer, what: string): Promise<readonly Descriptor[]> {
  const header = answer.header('content-type');
  if (bareMediaType(header ?? '') !== mediaTypes.ociIndex) {
    await answer.discard();
    throw new RegistryError(
      'CONTENT_TYPE_INVALID',
      `could not ${what}: the answer is ${quote(header)}, not an index`,
    );
  }
  const bytes = await readBody(answer, limits.manifestBytes, what);
  try {
    const index = parseManifest(bytes, mediaTypes.ociIndex);
    return index.kind === 'index' ? index.manifests : [];
  } catch (cause) {
    throw new RegistryError('IMAGE_INVALID', `could not ${what}: ${(cause as Error).message}`, { cause });
  }
}
