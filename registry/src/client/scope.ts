import type { RepositoryName } from '@img/spec/repository-name';
import type { RepositoryAction } from '@img/spec/routes';

/** What a token allows, in Docker's grammar: `repository:com.example.app:pull,push`. */
export type Scope = string;

export function repositoryScope(repository: RepositoryName, actions: readonly RepositoryAction[]): Scope {
  return `repository:${repository}:${actions.join(',')}`;
}

/** Needed for the list of all repositories. */
export const catalogScope: Scope = 'registry:catalog:*';

/** Needed to manage the accounts of a registry of img. */
export const accountsScope: Scope = 'registry:accounts:*';
