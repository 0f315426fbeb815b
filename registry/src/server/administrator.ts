import { randomBytes } from 'node:crypto';
import { quote } from '@img/spec/quote';
import { fewestPasswordCharacters, isUserName } from '../accounts/account-names.ts';
import type { Database } from '../metadata/database.ts';
import { findAdministrator, findUser, putUser } from '../metadata/users.ts';
import { hashPassword, verifyPassword } from './auth/password-hash.ts';
import type { RunningRegistry } from './registry-options.ts';
import { ServerError } from './server-error.ts';

/**
 * Sees to it that there is an administrator: with the password given, also if it was another one before; else, if
 * there is none yet, with one made up now.
 *
 * @throws ServerError OPTION_INVALID
 */
export async function ensureAdministrator(
  database: Database,
  { name = 'admin', password }: { readonly name?: string; readonly password?: string },
  now: number,
): Promise<RunningRegistry['administrator']> {
  if (!isUserName(name)) {
    throw new ServerError(
      'OPTION_INVALID',
      `the administrator's name ${quote(name)} should be lower-case letters, digits, ".", "_" and "-", 64 at most`,
    );
  }
  if (password === undefined) {
    const existing = await findAdministrator(database, name);
    return existing === undefined ? invent(database, name, now) : { name: existing, newPassword: undefined };
  }
  if (password.length < fewestPasswordCharacters) {
    throw new ServerError(
      'OPTION_INVALID',
      `the administrator's password should have ${fewestPasswordCharacters} characters at least`,
    );
  }
  const user = await findUser(database, name);
  const isKept = user?.is_administrator === 1 && (await verifyPassword(password, user.password_hash));
  if (!isKept) await store(database, name, password, now);
  return { name, newPassword: undefined };
}

/** Makes an administrator up, unless another process was quicker: only one password is told. */
async function invent(
  database: Database,
  name: string,
  now: number,
): Promise<RunningRegistry['administrator']> {
  const newPassword = randomBytes(18).toString('base64url');
  const user = { name, password_hash: await hashPassword(newPassword), is_administrator: 1 };
  return database.transaction(async (writer) => {
    const existing = await findAdministrator(writer, name);
    if (existing !== undefined) return { name: existing, newPassword: undefined };
    await putUser(writer, user, now);
    return { name, newPassword };
  });
}

async function store(database: Database, name: string, password: string, now: number): Promise<void> {
  const user = { name, password_hash: await hashPassword(password), is_administrator: 1 };
  await database.transaction((writer) => putUser(writer, user, now));
}
