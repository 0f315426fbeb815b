import type { Digest } from '@img/spec/digest';
import type { RepositoryName } from '@img/spec/repository-name';
import { placeholders, type Reader, type Writer } from '../database.ts';

/** Who must have signed what the tags mean of the repositories whose names begin with its name. */
export type StoredRule = {
  readonly name: RepositoryName;
  /** A trust document or a signed trust root. */
  readonly document: Uint8Array;
  /** Of the document. */
  readonly digest: Digest;
  readonly set_by: string;
  readonly set_at: number;
};

const columns = 'name, document, digest, set_by, set_at';

/** The rule that has exactly the name. */
export async function findRuleAt(reader: Reader, name: RepositoryName): Promise<StoredRule | undefined> {
  return reader.get<StoredRule>(`SELECT ${columns} FROM admission_rules WHERE name = $1`, name);
}

/** The rule with the longest of the names. */
export async function findLongestRule(
  reader: Reader,
  names: readonly RepositoryName[],
): Promise<StoredRule | undefined> {
  return reader.get<StoredRule>(longestOf(columns, names), ...names);
}

/** The digest of what {@link findLongestRule} finds. */
export async function findLongestRuleDigest(
  reader: Reader,
  names: readonly RepositoryName[],
): Promise<Digest | undefined> {
  return (await reader.get<{ digest: Digest }>(longestOf('digest', names), ...names))?.digest;
}

function longestOf(wanted: string, names: readonly RepositoryName[]): string {
  return `SELECT ${wanted} FROM admission_rules WHERE name IN (${placeholders(1, names.length)})
    ORDER BY length(name) DESC LIMIT 1`;
}

export async function putRule(writer: Writer, rule: StoredRule): Promise<void> {
  await writer.run(
    `INSERT INTO admission_rules (${columns}) VALUES ($1, $2, $3, $4, $5)
      ON CONFLICT (name) DO UPDATE SET document = excluded.document, digest = excluded.digest,
        set_by = excluded.set_by, set_at = excluded.set_at`,
    rule.name,
    rule.document,
    rule.digest,
    rule.set_by,
    rule.set_at,
  );
}

/**
 * Removes a rule, with what was admitted where no closer rule counts: the next one begins anew. False if there is none.
 */
export async function deleteRule(writer: Writer, name: RepositoryName): Promise<boolean> {
  const removed = await writer.run('DELETE FROM admission_rules WHERE name = $1', name);
  if (removed === 0) return false;
  await writer.run(
    `DELETE FROM admissions WHERE repository_id IN (
      SELECT r.id FROM repositories r WHERE ${covers('$1', 'r.name')} AND NOT EXISTS (
        SELECT 1 FROM admission_rules a WHERE length(a.name) > length($1) AND ${covers('a.name', 'r.name')}))`,
    name,
  );
  return true;
}

/** Whether a name is the other one, or its beginning on a label boundary. */
function covers(beginning: string, name: string): string {
  const next = `substr(${name}, 1, length(${beginning}) + 1)`;
  return `(${name} = ${beginning} OR ${next} = ${beginning} || '.' OR ${next} = ${beginning} || '/')`;
}
