import { coversName, type NamePrefix } from '@img/spec/name-prefix';
import type { RepositoryName } from '@img/spec/repository-name';
import type { RepositoryAction } from '@img/spec/routes';
import type { Grant } from './scope.ts';

/** Who asks: a user of the registry, or nobody in particular. */
export type Principal = {
  /** The user's name; empty for nobody. */
  readonly name: string;
  readonly isAdministrator: boolean;
};

export const nobody: Principal = { name: '', isAdministrator: false };

/** Who may do what. Decides by names alone, so its answers say nothing about what exists. */
export class AccessPolicy {
  readonly #anonymousPull: readonly NamePrefix[];

  /** @param anonymousPull names that everybody may pull */
  constructor(anonymousPull: readonly NamePrefix[]) {
    this.#anonymousPull = anonymousPull;
  }

  allows(principal: Principal, repository: RepositoryName, action: RepositoryAction): boolean {
    if (principal.isAdministrator) return true;
    return action === 'pull' && this.#anonymousPull.some((prefix) => coversName(prefix, repository));
  }

  allowsCatalog(principal: Principal): boolean {
    return principal.isAdministrator;
  }

  /** The part of what is asked for that the principal may have. */
  intersect(principal: Principal, asked: readonly Grant[]): readonly Grant[] {
    const granted = asked.map((grant): Grant | undefined => {
      if (grant.type === 'registry') return this.allowsCatalog(principal) ? grant : undefined;
      const actions = grant.actions.filter((action) => this.allows(principal, grant.name, action));
      return actions.length === 0 ? undefined : { ...grant, actions };
    });
    return granted.filter((grant) => grant !== undefined);
  }
}
