import { isRepositoryName, type RepositoryName } from '@img/spec/repository-name';

declare const userBrand: unique symbol;

/** A user: no colon, which ends the name in Basic credentials, and no plus, which is for robots. */
export type UserName = string & { readonly [userBrand]: true };

/** An organisation is named after the repositories that it owns: `com.example` owns `com.example.app`. */
export type OrganisationName = RepositoryName;

/** What a member may do with the repositories of an organisation; `admin` also says who is a member. */
export type Role = 'read' | 'write' | 'admin';

export const roles = ['read', 'write', 'admin'] as const satisfies readonly Role[];

/** Of a password; longer is better than stranger. */
export const fewestPasswordCharacters = 8;

const userPattern = /^[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?$/;
const robotPattern = /^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$/;

export function isUserName(text: string): text is UserName {
  return userPattern.test(text);
}

export const isOrganisationName: (text: string) => text is OrganisationName = isRepositoryName;

export function isRobotName(text: string): boolean {
  return robotPattern.test(text);
}

/** The name that a robot logs in with. */
export function robotLogIn(organisation: OrganisationName, robot: string): string {
  return `${organisation}+${robot}`;
}

/** Which robot logs in with the name; undefined if it is no name of a robot. */
export function parseRobotLogIn(
  name: string,
): { readonly organisation: OrganisationName; readonly robot: string } | undefined {
  const plus = name.indexOf('+');
  const [organisation, robot] = [name.slice(0, plus), name.slice(plus + 1)];
  if (plus < 0 || !isOrganisationName(organisation) || !isRobotName(robot)) return undefined;
  return { organisation, robot };
}

/** Every name that could own the repository, the longest first: its beginnings on label boundaries, and itself. */
export function possibleOwners(repository: RepositoryName): readonly OrganisationName[] {
  const owners = [repository];
  for (let index = repository.length - 1; index > 0; index -= 1) {
    const beginning = repository.slice(0, index);
    const isBoundary = repository[index] === '.' || repository[index] === '/';
    if (isBoundary && isOrganisationName(beginning)) owners.push(beginning);
  }
  return owners;
}
