import type { Reader, Writer } from '../database.ts';

/** A log-in of a browser; times are milliseconds since 1970. */
export type Session = {
  /** SHA-256 of the cookie, in hexadecimal. */
  readonly id: string;
  readonly user: string;
  readonly expires_at: number;
};

/** Whose session it is; undefined if there is none, or its time is over. */
export async function findSession(reader: Reader, id: string, now: number): Promise<string | undefined> {
  const row = await reader.get<{ user: string }>(
    `SELECT u.name AS "user" FROM sessions s JOIN users u ON u.id = s.user_id
      WHERE s.id = $1 AND s.expires_at > $2`,
    id,
    now,
  );
  return row?.user;
}

/** Begins a session of a user, and forgets the ones whose time is over; false if there is no such user. */
export async function insertSession(
  writer: Writer,
  { id, user, expires_at }: Session,
  now: number,
): Promise<boolean> {
  await writer.run('DELETE FROM sessions WHERE expires_at <= $1', now);
  const found = await writer.get<{ id: number }>('SELECT id FROM users WHERE name = $1', user);
  if (found === undefined) return false;
  await writer.run(
    'INSERT INTO sessions (id, user_id, created_at, expires_at) VALUES ($1, $2, $3, $4)',
    id,
    found.id,
    now,
    expires_at,
  );
  return true;
}

export async function deleteSession(writer: Writer, id: string): Promise<void> {
  await writer.run('DELETE FROM sessions WHERE id = $1', id);
}

/** Ends all sessions of a user. */
export async function deleteSessionsOf(writer: Writer, user: string): Promise<void> {
  await writer.run('DELETE FROM sessions WHERE user_id = (SELECT id FROM users WHERE name = $1)', user);
}
