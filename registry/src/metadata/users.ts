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

/** Whether there is anybody who may do everything. */
export async function hasAdministrator(reader: Reader): Promise<boolean> {
  return (await reader.get('SELECT 1 FROM users WHERE is_administrator = 1 LIMIT 1')) !== undefined;
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
