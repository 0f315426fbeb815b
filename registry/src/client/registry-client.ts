import { quote } from '@img/spec/quote';
import type { RegistryHost } from '@img/spec/registry-host';
import { isRepositoryName, type RepositoryName } from '@img/spec/repository-name';
import { routePath } from '@img/spec/routes';
import { RegistryError } from '../registry-error.ts';
import type { ContentOptions } from '../transfer/content.ts';
import { type ConnectionOptions, RegistryConnection } from './connection.ts';
import { listNames } from './list-names.ts';
import { RegistryRepository } from './registry-repository.ts';
import { remoteRepository } from './remote-repository.ts';
import { catalogScope } from './scope.ts';

export type RepositoryAccess = 'pull' | 'push' | 'delete';

/**
 * Speaks the registry protocol (distribution-spec 1.1) with one registry. Close it, or bind it with
 * `await using`: its connections are kept alive in between.
 */
export class RegistryClient implements AsyncDisposable {
  readonly host: RegistryHost;
  readonly #connection: RegistryConnection;

  constructor(host: RegistryHost, options: ConnectionOptions = {}) {
    this.host = host;
    this.#connection = new RegistryConnection(host, options);
  }

  /** @param access what it will be used for; pushing includes pulling, and deleting includes both */
  repository(repository: RepositoryName, access: RepositoryAccess): RegistryRepository {
    const actions = { pull: ['pull'], push: ['pull', 'push'], delete: ['pull', 'push', 'delete'] } as const;
    const location = { registry: this.host, repository };
    return new RegistryRepository(remoteRepository(this.#connection, location, actions[access]));
  }

  /**
   * Asks whether there is a registry that lets this client in.
   *
   * @throws RegistryError LOGIN_FAILED, ACCESS_DENIED, REGISTRY_UNREACHABLE, REQUEST_REFUSED if it is no registry
   */
  async check({ signal }: ContentOptions = {}): Promise<void> {
    const answer = await this.#connection.request({
      what: `log in to ${this.host}`,
      method: 'GET',
      target: routePath.base(),
      scopes: [],
      accept: [200],
      signal,
    });
    await answer.discard();
  }

  /** The registry's repositories, page by page as they are read; many registries don't tell. */
  async *listRepositories({ signal }: ContentOptions = {}): AsyncGenerator<RepositoryName> {
    const what = `list the repositories of ${this.host}`;
    for await (const name of listNames({
      connection: this.#connection,
      what,
      path: routePath.catalog(),
      scopes: [catalogScope],
      key: 'repositories',
      signal,
    })) {
      if (!isRepositoryName(name)) {
        throw new RegistryError(
          'ANSWER_INVALID',
          `could not ${what}: ${quote(name)} is no name of a repository`,
        );
      }
      yield name;
    }
  }

  async close(): Promise<void> {
    await this.#connection.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
