import { quote } from '@img/spec/quote';
import { RuntimeError } from '../runtime-error.ts';
import { type Account, largestId, parseGroup, parseId, parsePasswd } from './user-database.ts';

/** Who the process of a container is. */
export type ResolvedUser = {
  readonly uid: number;
  readonly gid: number;
  /** The group itself, then those of the image's group file. */
  readonly additionalGids: readonly number[];
  /** Home folder inside the image; `/` if none is known. */
  readonly home: string;
};

/** The image's own files, as bytes; undefined where it has none. */
export type UserDatabase = {
  readonly passwd: Uint8Array | undefined;
  readonly group: Uint8Array | undefined;
};

/**
 * Resolves an image's `User` (image-spec, conversion.md#configuser): `user`, `uid`, `user:group`, `uid:gid` and
 * the mixed forms; empty is uid 0 with group 0.
 *
 * Numbers are taken as they are and never looked up as names: one that does not fit is refused, for a fallback
 * to a name would let an image's passwd file turn it into root (CVE-2024-40635, CVE-2026-46680). A uid without
 * a group gets the group of its account, else 0. Additional groups from the image are given only to a user by name
 * without a group, as the specification says. The group itself is always among the additional ones: a process that
 * takes another group, through a program with the set-group-ID bit, could otherwise shake off its own and with it
 * what is forbidden to that group (CVE-2022-36109).
 *
 * @throws RuntimeError USER_INVALID, USER_UNKNOWN, GROUP_UNKNOWN
 */
export function resolveUser(text: string, database: UserDatabase): ResolvedUser {
  const [userText = '', groupText, ...rest] = text.split(':');
  if (rest.length > 0 || (text !== '' && userText === '') || groupText === '') {
    throw invalid(text, 'should be user, uid, user:group or uid:gid');
  }
  const accounts = database.passwd === undefined ? [] : parsePasswd(database.passwd);
  const uid = isNumeric(userText) ? numericId(userText, text) : undefined;
  const account = accountOf(accounts, userText, uid);
  if (uid === undefined && account === undefined && text !== '') throw unknownUser(userText, database);
  const gid = groupText === undefined ? (account?.gid ?? 0) : groupId(groupText, text, database);
  const others =
    uid === undefined && groupText === undefined && account !== undefined
      ? memberships(account, database)
      : [];
  return {
    uid: uid ?? account?.uid ?? 0,
    gid,
    additionalGids: [gid, ...others],
    home: account?.home || '/',
  };
}

// An undefined user is uid 0, whose home is that of the account with this id.
function accountOf(accounts: readonly Account[], name: string, uid: number | undefined): Account | undefined {
  if (uid !== undefined) return accounts.find((account) => account.uid === uid);
  if (name !== '') return accounts.find((account) => account.name === name);
  const root = accounts.find((account) => account.uid === 0);
  return root === undefined ? undefined : { ...root, name: '', gid: 0 };
}

function groupId(groupText: string, text: string, database: UserDatabase): number {
  if (isNumeric(groupText)) return numericId(groupText, text);
  const groups = database.group === undefined ? [] : parseGroup(database.group);
  const group = groups.find(({ name }) => name === groupText);
  if (group !== undefined) return group.gid;
  throw new RuntimeError(
    'GROUP_UNKNOWN',
    `group ${quote(groupText)} is not in the image's /etc/group${database.group === undefined ? ', which does not exist' : ''}`,
    { hint: 'use a numeric group id, or add the group to the image' },
  );
}

function memberships(account: Account, database: UserDatabase): readonly number[] {
  if (database.group === undefined || account.name === '') return [];
  const gids = parseGroup(database.group)
    .filter(({ gid, members }) => gid !== account.gid && members.includes(account.name))
    .map(({ gid }) => gid);
  return [...new Set(gids)].sort((a, b) => a - b);
}

// Signs and spaces, too: whatever someone may have meant as a number must not be looked up as a name.
function isNumeric(text: string): boolean {
  return /^\s*[+-]?\d+\s*$/.test(text);
}

function numericId(idText: string, text: string): number {
  const id = parseId(idText);
  if (id === undefined) throw invalid(text, `has an id that is no number from 0 to ${largestId}`);
  return id;
}

function invalid(text: string, reason: string): RuntimeError {
  return new RuntimeError('USER_INVALID', `user ${quote(text)} ${reason}`);
}

function unknownUser(name: string, database: UserDatabase): RuntimeError {
  return new RuntimeError(
    'USER_UNKNOWN',
    `user ${quote(name)} is not in the image's /etc/passwd${database.passwd === undefined ? ', which does not exist' : ''}`,
    { hint: 'use a numeric user id, or add the user to the image' },
  );
}
