import { readFileSync } from 'node:fs';

/** Numbers of users or groups that a user namespace has, and what they are outside of it (user_namespaces(7)). */
export type IdRange = { readonly inside: number; readonly outside: number; readonly count: number };

/** What numbers of users and groups mean to this process. */
export type UserNamespace = { readonly users: readonly IdRange[]; readonly groups: readonly IdRange[] };

/** Set for a process that `img` began anew in a user namespace, where it goes on as who it was. */
export const namespaceVariable = 'IMG_USER_NAMESPACE';

const allIds = 4_294_967_295;

/** The user namespace of this process; undefined if it is the host's, where every number means itself. */
export function userNamespace(): UserNamespace | undefined {
  const read = (name: string) => parseIdRanges(readFileSync(`/proc/self/${name}`, 'latin1'));
  const found = { users: read('uid_map'), groups: read('gid_map') };
  return [found.users, found.groups].every(isIdentity) ? undefined : found;
}

/** Whether this process is one that `img` began anew in a user namespace. */
export function isInOwnNamespace(): boolean {
  return process.env[namespaceVariable] !== undefined && userNamespace() !== undefined;
}

/** Whether a user namespace has a number. */
export function hasId(ranges: readonly IdRange[], id: number): boolean {
  return ranges.some(({ inside, count }) => id >= inside && id < inside + count);
}

/** Reads `uid_map` or `gid_map`; lines that are none count for nothing. */
export function parseIdRanges(text: string): readonly IdRange[] {
  return text.split('\n').flatMap((line) => {
    const [inside, outside, count] = line.trim().split(/\s+/).map(Number);
    const isRange = [inside, outside, count].every(Number.isSafeInteger);
    return isRange ? [{ inside, outside, count } as IdRange] : [];
  });
}

function isIdentity(ranges: readonly IdRange[]): boolean {
  const [only, ...others] = ranges;
  return others.length === 0 && only?.inside === 0 && only.outside === 0 && only.count === allIds;
}
