import type { RegistryClient } from '@img/registry/client/registry-client';
import type { RegistryRepository } from '@img/registry/client/registry-repository';
import { RegistryError } from '@img/registry/registry-error';
import type { RepositoryLocation } from '@img/registry/transfer/content';
import type { Digest } from '@img/spec/digest';
import type { Tag } from '@img/spec/tag';
import type { Session } from '../command.ts';
import { openRegistry } from '../host/open-registry.ts';

/** Where an image goes, asked at once what it has under a tag, so that the answer is there when the image is. */
export class PushDestination implements AsyncDisposable {
  readonly target: RegistryRepository;
  readonly #client: RegistryClient;
  readonly #before: Promise<Digest | undefined>;

  constructor(session: Session, { registry, repository }: RepositoryLocation, tag: Tag | undefined) {
    const { signal } = session;
    this.#client = openRegistry(session, registry);
    this.target = this.#client.repository(repository, 'push');
    this.#before = this.#ask(tag, signal);
    // It is told to whoever asks; a build that fails meanwhile has another reason to.
    this.#before.catch(() => undefined);
  }

  /** What the tag meant; undefined for nothing, or where the registry doesn't say. */
  get before(): Promise<Digest | undefined> {
    return this.#before;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client.close();
  }

  async #ask(tag: Tag | undefined, signal: AbortSignal): Promise<Digest | undefined> {
    if (tag === undefined) return undefined;
    try {
      return (await this.target.headTag(tag, { signal }))?.digest;
    } catch (error) {
      // Without the answer more is compared, that is all. Whatever else is refused, the push itself tells.
      if (error instanceof RegistryError && error.code !== 'REGISTRY_UNREACHABLE') return undefined;
      throw error;
    }
  }
}
