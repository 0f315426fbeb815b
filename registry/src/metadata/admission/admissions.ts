import type { Digest } from '@img/spec/digest';
import type { RepositoryName } from '@img/spec/repository-name';
import type { Tag } from '@img/spec/tag';
import type { Reader, Writer } from '../database.ts';
import { ensureRepository } from '../repositories.ts';

/** What a tag was last admitted to mean. */
export type Admission = {
  readonly tag: Tag;
  readonly digest: Digest;
  /** Of the statement that it was admitted by; null where its signers number nothing. */
  readonly sequence: number | null;
  /** Digest of the document of the rule that admitted it. */
  readonly rule: Digest;
  /** Digest of the manifest that attaches the summary of the decision. */
  readonly summary: Digest;
  readonly admitted_at: number;
};

const columns = 'a.tag, a.digest, a.sequence, a.rule, a.summary, a.admitted_at';

export async function findAdmission(
  reader: Reader,
  repository: RepositoryName,
  tag: Tag,
): Promise<Admission | undefined> {
  return reader.get<Admission>(
    `SELECT ${columns} FROM repositories r JOIN admissions a ON a.repository_id = r.id
      WHERE r.name = $1 AND a.tag = $2`,
    repository,
    tag,
  );
}

export async function putAdmission(
  writer: Writer,
  repository: RepositoryName,
  { tag, digest, sequence, rule, summary, admitted_at }: Admission,
): Promise<void> {
  const repositoryId = await ensureRepository(writer, repository, admitted_at);
  await writer.run(
    `INSERT INTO admissions (repository_id, tag, digest, sequence, rule, summary, admitted_at)
      VALUES ($1, $2, $3, $4, $5, $6, $7)
      ON CONFLICT (repository_id, tag) DO UPDATE SET digest = excluded.digest, sequence = excluded.sequence,
        rule = excluded.rule, summary = excluded.summary, admitted_at = excluded.admitted_at`,
    repositoryId,
    tag,
    digest,
    sequence,
    rule,
    summary,
    admitted_at,
  );
}
