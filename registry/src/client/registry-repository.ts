import type { Descriptor } from '@img/spec/descriptor';
import type { Digest } from '@img/spec/digest';
import { quote } from '@img/spec/quote';
import { routePath } from '@img/spec/routes';
import { isTag, type Tag } from '@img/spec/tag';
import { RegistryError } from '../registry-error.ts';
import type {
  BlobRequest,
  ContentOptions,
  ContentSource,
  ContentTarget,
  ManifestContent,
  OpenBlob,
  PutManifestOptions,
  ReferrerRemover,
  RepositoryLocation,
} from '../transfer/content.ts';
import { removeFallbackReferrer } from './fallback-referrers.ts';
import { getBlob } from './get-blob.ts';
import { getManifest } from './get-manifest.ts';
import { headBlob, headTag, type TagHead } from './head-content.ts';
import { listNames } from './list-names.ts';
import { listReferrers } from './list-referrers.ts';
import { presentBlobs } from './present-blobs.ts';
import { putBlob } from './put-blob.ts';
import { putManifest, putTagged } from './put-manifest.ts';
import type { RemoteRepository } from './remote-repository.ts';

/**
 * One repository of a registry. What its requests may do was decided when it was made: a token for pulling is
 * asked for, or one for pulling and pushing.
 */
export class RegistryRepository implements ContentSource, ContentTarget, ReferrerRemover {
  readonly name: string;
  readonly origin: RepositoryLocation;
  readonly #remote: RemoteRepository;

  constructor(remote: RemoteRepository) {
    this.name = remote.name;
    this.origin = remote.location;
    this.#remote = remote;
  }

  async getManifest(reference: Tag | Digest, options?: ContentOptions): Promise<ManifestContent | undefined> {
    return await getManifest(this.#remote, reference, options);
  }

  getBlob(
    descriptor: Descriptor,
    options?: ContentOptions & { readonly offset?: number },
  ): AsyncIterable<Uint8Array> {
    return getBlob(this.#remote, descriptor, options);
  }

  async listReferrers(subject: Digest, options?: ContentOptions): Promise<readonly Descriptor[]> {
    return await listReferrers(this.#remote, subject, options);
  }

  async presentBlobs(
    requests: readonly BlobRequest[],
    options?: ContentOptions,
  ): Promise<ReadonlySet<Digest>> {
    return await presentBlobs(this.#remote, requests, options);
  }

  async putBlob(request: BlobRequest, open: OpenBlob, options?: ContentOptions): Promise<void> {
    await putBlob(this.#remote, request, open, options);
  }

  async putManifest(content: ManifestContent, options?: PutManifestOptions): Promise<void> {
    await putManifest(this.#remote, content, options);
  }

  async putTagged(content: ManifestContent, tags: readonly Tag[], options?: ContentOptions): Promise<void> {
    await putTagged(this.#remote, content, tags, options);
  }

  async removeReferrer(subject: Digest, referrer: Digest, options: ContentOptions = {}): Promise<void> {
    await this.deleteManifest(referrer, options);
    // A registry with a list of its own has no other one.
    await removeFallbackReferrer(this.#remote, subject, referrer, options.signal);
  }

  /** What a tag means, by a request that registries don't count as a pull; undefined if there is no such tag. */
  async headTag(tag: Tag, options?: ContentOptions): Promise<TagHead | undefined> {
    return await headTag(this.#remote, tag, options);
  }

  /** What the registry says of a blob; undefined if it is not there. */
  async headBlob(digest: Digest, options?: ContentOptions): Promise<Descriptor | undefined> {
    return await headBlob(this.#remote, digest, options);
  }

  /** The tags in the registry's order, page by page as they are read; those after a tag if one is given. */
  async *listTags({ after, signal }: ContentOptions & { readonly after?: string } = {}): AsyncGenerator<Tag> {
    const { connection, name, path, scopes } = this.#remote;
    const what = `list the tags of ${name}`;
    for await (const tag of listNames({
      connection,
      what,
      path: routePath.tags(path),
      scopes,
      key: 'tags',
      after,
      signal,
    })) {
      if (!isTag(tag))
        throw new RegistryError('ANSWER_INVALID', `could not ${what}: ${quote(tag)} is no tag`);
      yield tag;
    }
  }

  /** Removes a tag, or a manifest with all of its tags. @returns whether it was there */
  async deleteManifest(reference: Tag | Digest, { signal }: ContentOptions = {}): Promise<boolean> {
    const { connection, name, path, scopes } = this.#remote;
    const answer = await connection.request({
      what: `delete manifest ${reference} of ${name}`,
      method: 'DELETE',
      target: routePath.manifest(path, reference),
      scopes,
      accept: [200, 202, 204, 404],
      signal,
    });
    await answer.discard();
    return answer.status !== 404;
  }
}
