import type { Reader, Writer } from '../database.ts';

/** Something that was done to an account or a repository: by whom, what, and to what. */
export type AccountEvent = {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly actor: string;
  /** Such as `add member`. */
  readonly action: string;
  readonly subject: string;
};

export async function noteEvent(writer: Writer, { at, actor, action, subject }: AccountEvent): Promise<void> {
  await writer.run(
    'INSERT INTO account_events (at, actor, action, subject) VALUES ($1, $2, $3, $4)',
    at,
    actor,
    action,
    subject,
  );
}

/** The latest events, newest first. */
export async function listEvents(reader: Reader, limit: number): Promise<readonly AccountEvent[]> {
  return reader.all<AccountEvent>(
    'SELECT at, actor, action, subject FROM account_events ORDER BY id DESC LIMIT $1',
    limit,
  );
}
