import type { Digest } from '@img/spec/digest';
import type { RepositoryName } from '@img/spec/repository-name';
import type { Tag } from '@img/spec/tag';
import type { Reader, Writer } from '../database.ts';

/** What was asked of an upstream registry: a tag, or the referrers of a manifest. */
export type CheckSubject = Tag | Digest;

/** When the upstream of a repository was last asked about a tag or the referrers of a manifest; undefined for never. */
export async function findCheck(
  reader: Reader,
  repository: RepositoryName,
  subject: CheckSubject,
): Promise<number | undefined> {
  const row = await reader.get<{ checked_at: number }>(
    `SELECT c.checked_at FROM repositories r JOIN upstream_checks c ON c.repository_id = r.id
      WHERE r.name = $1 AND c.subject = $2`,
    repository,
    subject,
  );
  return row?.checked_at;
}

/** Notes that the upstream was asked; nothing of a repository that holds nothing. */
export async function noteCheck(
  writer: Writer,
  repository: RepositoryName,
  subject: CheckSubject,
  now: number,
): Promise<void> {
  await writer.run(
    `INSERT INTO upstream_checks (repository_id, subject, checked_at)
      SELECT id, $2, $3 FROM repositories WHERE name = $1
      ON CONFLICT (repository_id, subject) DO UPDATE SET checked_at = excluded.checked_at`,
    repository,
    subject,
    now,
  );
}

/** Forgets what was asked before a time: it would be asked again anyway. */
export async function forgetChecks(writer: Writer, before: number): Promise<void> {
  await writer.run('DELETE FROM upstream_checks WHERE checked_at < $1', before);
}
