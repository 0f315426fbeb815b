import type { Reader, Writer } from './database.ts';

/** What a policy is for: one repository, or all that an organisation owns and that have none of their own. */
export type PolicyOwner = { readonly kind: 'repository' | 'organisation'; readonly name: string };

export type StoredPolicy = {
  /** As JSON. */
  readonly policy: string;
  /** When it is carried out next, in milliseconds since 1970. */
  readonly run_at: number;
};

export async function findPolicy(
  reader: Reader,
  { kind, name }: PolicyOwner,
): Promise<StoredPolicy | undefined> {
  return reader.get<StoredPolicy>(
    'SELECT policy, run_at FROM retention_policies WHERE kind = $1 AND name = $2',
    kind,
    name,
  );
}

export async function putPolicy(
  writer: Writer,
  { kind, name }: PolicyOwner,
  { policy, run_at }: StoredPolicy,
): Promise<void> {
  await writer.run(
    `INSERT INTO retention_policies (kind, name, policy, run_at) VALUES ($1, $2, $3, $4)
      ON CONFLICT (kind, name) DO UPDATE SET policy = excluded.policy, run_at = excluded.run_at`,
    kind,
    name,
    policy,
    run_at,
  );
}

/** False if there is none. */
export async function deletePolicy(writer: Writer, { kind, name }: PolicyOwner): Promise<boolean> {
  return (await writer.run('DELETE FROM retention_policies WHERE kind = $1 AND name = $2', kind, name)) > 0;
}

/** Puts off what would be carried out before a time. */
export async function putOffPolicies(writer: Writer, until: number): Promise<void> {
  await writer.run('UPDATE retention_policies SET run_at = $1 WHERE run_at < $1', until);
}

/** Whether the time of a policy has come. */
export async function hasDuePolicy(reader: Reader, now: number): Promise<boolean> {
  const row = await reader.get('SELECT 1 AS found FROM retention_policies WHERE run_at <= $1 LIMIT 1', now);
  return row !== undefined;
}

/**
 * Takes a policy whose time has come, for one process: its next time is set in the same transaction. Undefined if
 * none is due.
 */
export async function takeDuePolicy(
  writer: Writer,
  { now, next }: { readonly now: number; readonly next: number },
): Promise<(PolicyOwner & StoredPolicy) | undefined> {
  const due = await writer.get<PolicyOwner & StoredPolicy>(
    `SELECT kind, name, policy, run_at FROM retention_policies p
      WHERE run_at <= $1 ORDER BY run_at LIMIT 1 ${writer.dialect.skipLocked('p')}`,
    now,
  );
  if (due === undefined) return undefined;
  await writer.run(
    'UPDATE retention_policies SET run_at = $1 WHERE kind = $2 AND name = $3',
    next,
    due.kind,
    due.name,
  );
  return due;
}
