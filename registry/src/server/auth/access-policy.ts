import { coversName, type NamePrefix } from '@img/spec/name-prefix';
import type { RepositoryName } from '@img/spec/repository-name';
import type { RepositoryAction } from '@img/spec/routes';
import {
  type OrganisationName,
  possibleOwners,
  type Role,
  type UserName,
} from '../../accounts/account-names.ts';
import { findLongest, findRole, listMemberships } from '../../metadata/accounts/organisations.ts';
import { isPublic } from '../../metadata/accounts/public-repositories.ts';
import type { RobotRole } from '../../metadata/accounts/robots.ts';
import type { Reader } from '../../metadata/database.ts';
import type { Grant } from './scope.ts';

/** Who asks: a user or a robot of the registry, or nobody in particular. */
export type Principal = {
  /** What it logs in with; empty for nobody. */
  readonly name: string;
  readonly isAdministrator: boolean;
  /** Of a robot: the organisation that it belongs to, and what it is there. */
  readonly robot?: { readonly organisation: OrganisationName; readonly role: RobotRole };
};

export const nobody: Principal = { name: '', isAdministrator: false };

const actionsOf: { readonly [role in Role]: readonly RepositoryAction[] } = {
  read: ['pull'],
  write: ['pull', 'push'],
  admin: ['pull', 'push', 'delete'],
};

export type AccessPolicyOptions = {
  readonly database: Reader;
  /** Names that everybody may pull. */
  readonly anonymousPull: readonly NamePrefix[];
};

/**
 * Who may do what. A repository belongs to the organisation with the longest name that covers it; a repository that
 * no organisation covers, to the administrators. Decides by names and settings alone, so its answers say nothing
 * about what exists.
 */
export class AccessPolicy {
  readonly #database: Reader;
  readonly #anonymousPull: readonly NamePrefix[];

  constructor({ database, anonymousPull }: AccessPolicyOptions) {
    this.#database = database;
    this.#anonymousPull = anonymousPull;
  }

  async allows(principal: Principal, repository: RepositoryName, action: RepositoryAction): Promise<boolean> {
    if (principal.isAdministrator) return true;
    if (action === 'pull' && (await this.isPublic(repository))) return true;
    const role = await this.roleFor(principal, repository);
    return role !== undefined && actionsOf[role].includes(action);
  }

  /** Whether everybody may pull the repository. */
  async isPublic(repository: RepositoryName): Promise<boolean> {
    if (this.#anonymousPull.some((prefix) => coversName(prefix, repository))) return true;
    return isPublic(this.#database, repository);
  }

  /** What the principal is in the organisation that the repository belongs to. */
  async roleFor(principal: Principal, repository: RepositoryName): Promise<Role | undefined> {
    if (principal.isAdministrator) return 'admin';
    if (principal.name === '') return undefined;
    const owner = await findLongest(this.#database, possibleOwners(repository));
    return owner === undefined ? undefined : this.roleIn(principal, owner);
  }

  /** What the principal is in the organisation; administrators are everywhere. */
  async roleIn(principal: Principal, organisation: OrganisationName): Promise<Role | undefined> {
    const { name, isAdministrator, robot } = principal;
    if (isAdministrator) return 'admin';
    if (robot !== undefined) return robot.organisation === organisation ? robot.role : undefined;
    return name === '' ? undefined : findRole(this.#database, organisation, name as UserName);
  }

  /** Prefixes of all names that the principal may pull, and of some that it may not: check with {@link allows}. */
  async readable(principal: Principal): Promise<readonly NamePrefix[]> {
    const { name, isAdministrator, robot } = principal;
    if (isAdministrator) return ['*' as NamePrefix];
    const own = robot === undefined ? await listMemberships(this.#database, name as UserName) : [robot];
    // The name of an organisation, as a prefix, covers what it owns.
    return [...this.#anonymousPull, ...own.map(({ organisation }) => organisation as string as NamePrefix)];
  }

  allowsCatalog(principal: Principal): boolean {
    return principal.isAdministrator;
  }

  /** The part of what is asked for that the principal may have. */
  async intersect(principal: Principal, asked: readonly Grant[]): Promise<readonly Grant[]> {
    const granted: Grant[] = [];
    for (const grant of asked) {
      if (grant.type === 'registry') {
        if (this.#allowsRegistry(principal, grant.name)) granted.push(grant);
        continue;
      }
      const actions: RepositoryAction[] = [];
      for (const action of grant.actions) {
        if (await this.allows(principal, grant.name, action)) actions.push(action);
      }
      if (actions.length > 0) granted.push({ ...grant, actions });
    }
    return granted;
  }

  #allowsRegistry(principal: Principal, name: 'catalog' | 'accounts'): boolean {
    return name === 'catalog' ? this.allowsCatalog(principal) : principal.name !== '';
  }
}
