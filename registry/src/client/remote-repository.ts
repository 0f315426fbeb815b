import type { RepositoryName } from '@img/spec/repository-name';
import type { RepositoryAction } from '@img/spec/routes';
import type { RepositoryLocation } from '../transfer/content.ts';
import type { RegistryConnection } from './connection.ts';
import { isDockerHub } from './endpoint.ts';
import { repositoryScope, type Scope } from './scope.ts';

/** One repository of a registry, as the functions of this folder need it. */
export type RemoteRepository = {
  readonly connection: RegistryConnection;
  readonly location: RepositoryLocation;
  /** How messages name it: `127.0.0.1:5000/com.example.app`. */
  readonly name: string;
  /** The name in request paths. */
  readonly path: RepositoryName;
  readonly scopes: readonly Scope[];
  /** What requests found out about the registry. */
  readonly known: { refusesMounts: boolean; comparesTags?: boolean };
};

/** @param actions what the requests will do; one token then serves them all */
export function remoteRepository(
  connection: RegistryConnection,
  location: RepositoryLocation,
  actions: readonly RepositoryAction[],
): RemoteRepository {
  const path = pathOf(location);
  const name = `${location.registry}/${location.repository}`;
  const scopes = [repositoryScope(path, actions)];
  return { connection, location, name, path, scopes, known: { refusesMounts: false } };
}

/** The name that a registry knows a repository by. */
export function pathOf({ registry, repository }: RepositoryLocation): RepositoryName {
  // Docker Hub keeps its own images, whose names have one part, under library/.
  const isOfficial = isDockerHub(registry) && !repository.includes('/');
  return isOfficial ? (`library/${repository}` as RepositoryName) : repository;
}
