import type { Reader, Writer } from './database.ts';

/** Someone who can log in. */
export type User = {
  readonly name: string;
  /** Argon2id in PHC form. */
  readonly password_hash: string;
  /** 1 for those who may do everything. */
  readonly is_administrator: number;
};

export async function findUser(reader: Reader, name: string): Promise<User | undefined> {
  return reader.get<User>('SELECT name, password_hash, is_administrator FROM users WHERE name = $1', name);
}

/** The name of an administrator: the preferred one if it is one, else the first one there was. */
export async function findAdministrator(reader: Reader, preferred: string): Promise<string | undefined> {
  const row = await reader.get<{ name: string }>(
    `SELECT name FROM users WHERE is_administrator = 1
      ORDER BY CASE WHEN name = $1 THEN 0 ELSE 1 END, id LIMIT 1`,
    preferred,
  );
  return row?.name;
}

/** Makes a user, or replaces the password and rights of the one with the name. */
export async function putUser(writer: Writer, user: User, now: number): Promise<void> {
  await writer.run(
    `INSERT INTO users (name, password_hash, is_administrator, created_at) VALUES ($1, $2, $3, $4)
      ON CONFLICT (name) DO UPDATE
      SET password_hash = excluded.password_hash, is_administrator = excluded.is_administrator`,
    user.name,
    user.password_hash,
    user.is_administrator,
    now,
  );
}

/** A user as lists show it; times are milliseconds since 1970. */
export type ListedUser = Pick<User, 'name' | 'is_administrator'> & { readonly created_at: number };

/** All users by name. */
export async function listUsers(reader: Reader): Promise<readonly ListedUser[]> {
  return reader.all<ListedUser>('SELECT name, is_administrator, created_at FROM users ORDER BY name');
}

/** Removes a user with its memberships and log-ins; false if there is none. */
export async function deleteUser(writer: Writer, name: string): Promise<boolean> {
  return (await writer.run('DELETE FROM users WHERE name = $1', name)) > 0;
}

/** How many may do everything. */
export async function countAdministrators(reader: Reader): Promise<number> {
  const row = await reader.get<{ n: number }>('SELECT count(*) AS n FROM users WHERE is_administrator = 1');
  return (row as { n: number }).n;
}

/** Whether there is anybody: a registry that was started once has its administrator. */
export async function hasUsers(reader: Reader): Promise<boolean> {
  return (await reader.get('SELECT 1 AS found FROM users LIMIT 1')) !== undefined;
}
