import type { RegistryClient } from '@img/registry/client/registry-client';
import type { RegistryRepository } from '@img/registry/client/registry-repository';
import type {
  BlobRequest,
  ContentOptions,
  ContentSource,
  ManifestContent,
  RepositoryLocation,
} from '@img/registry/transfer/content';
import type { Descriptor } from '@img/spec/descriptor';
import type { Digest } from '@img/spec/digest';
import type { Tag } from '@img/spec/tag';
import type { Session } from '../command.ts';
import type { OpenRegistryOptions } from './open-registry.ts';

/**
 * A repository in its registry, to read from. The client takes longer to load than an image to start, so it is
 * loaded only when something is asked that this host does not have. Close it, or bind it with `await using`.
 */
export class RemoteRepository implements ContentSource, AsyncDisposable {
  readonly name: string;
  readonly origin: RepositoryLocation;
  readonly #session: Session;
  readonly #options: OpenRegistryOptions;
  #client: Promise<RegistryClient> | undefined;

  constructor(
    session: Session,
    { registry, repository }: RepositoryLocation,
    options: OpenRegistryOptions = {},
  ) {
    this.name = `${registry}/${repository}`;
    this.origin = { registry, repository };
    this.#session = session;
    this.#options = options;
  }

  async getManifest(reference: Tag | Digest, options?: ContentOptions): Promise<ManifestContent | undefined> {
    return await (await this.#opened()).getManifest(reference, options);
  }

  async *getBlob(
    descriptor: Descriptor,
    options?: ContentOptions & { readonly offset?: number },
  ): AsyncGenerator<Uint8Array> {
    yield* (await this.#opened()).getBlob(descriptor, options);
  }

  async presentBlobs(
    requests: readonly BlobRequest[],
    options?: ContentOptions,
  ): Promise<ReadonlySet<Digest>> {
    return await (await this.#opened()).presentBlobs(requests, options);
  }

  async listReferrers(subject: Digest, options?: ContentOptions): Promise<readonly Descriptor[]> {
    return await (await this.#opened()).listReferrers(subject, options);
  }

  async *listTags(options?: ContentOptions): AsyncGenerator<string> {
    yield* (await this.#opened()).listTags(options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    await (await client)?.close();
  }

  async #opened(): Promise<RegistryRepository> {
    const { registry, repository } = this.origin;
    this.#client ??= import('./open-registry.ts').then(({ openRegistry }) =>
      openRegistry(this.#session, registry, this.#options),
    );
    return (await this.#client).repository(repository, 'pull');
  }
}
