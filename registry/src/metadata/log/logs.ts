import type { OrganisationName } from '../../accounts/account-names.ts';
import { placeholders, type Reader, type Writer } from '../database.ts';

/** A log as the database has it. */
export type LogRow = {
  readonly id: number;
  readonly namespace: OrganisationName;
  /** What its checkpoints call it. */
  readonly origin: string;
  readonly isPublic: boolean;
  readonly size: number;
  /** What it signed last, of all of its entries. */
  readonly latest: string;
  /** How many entries the published checkpoint has. */
  readonly published: number;
  readonly checkpoint: string;
};

/** A witness that is asked to sign what a log has. */
export type WitnessRow = {
  /** Its key, as witnesses publish it. */
  readonly witness: string;
  readonly url: string;
  /** How many entries it has seen, as far as is known. */
  readonly size: number;
};

const columns = 'id, namespace, origin, is_public, size, latest, published, checkpoint';

type Columns = Omit<LogRow, 'isPublic'> & { readonly is_public: number };

/** The log with the longest of the names. */
export async function findLog(
  reader: Reader,
  names: readonly OrganisationName[],
): Promise<LogRow | undefined> {
  const row = await reader.get<Columns>(
    `SELECT ${columns} FROM logs WHERE namespace IN (${placeholders(1, names.length)})
      ORDER BY length(namespace) DESC LIMIT 1`,
    ...names,
  );
  return row && fromColumns(row);
}

export type NewLog = Pick<LogRow, 'namespace' | 'origin' | 'isPublic' | 'latest'>;

/** An empty log. False if there is one of the namespace. */
export async function insertLog(writer: Writer, log: NewLog, now: number): Promise<boolean> {
  const { namespace, origin, isPublic, latest } = log;
  const inserted = await writer.run(
    `INSERT INTO logs (namespace, origin, is_public, size, latest, published, checkpoint, created_at)
      VALUES ($1, $2, $3, 0, $4, 0, $4, $5) ON CONFLICT (namespace) DO NOTHING`,
    namespace,
    origin,
    isPublic ? 1 : 0,
    latest,
    now,
  );
  return inserted > 0;
}

export async function setLogVisibility(writer: Writer, id: number, isPublic: boolean): Promise<void> {
  await writer.run('UPDATE logs SET is_public = $2 WHERE id = $1', id, isPublic ? 1 : 0);
}

/** A log that nobody else appends to until the transaction ends. */
export async function lockLog(writer: Writer, id: number): Promise<LogRow> {
  const row = await writer.get<Columns>(`UPDATE logs SET size = size WHERE id = $1 RETURNING ${columns}`, id);
  return fromColumns(row as Columns);
}

/** What a log with a number of entries has signed. */
export async function setLatest(
  writer: Writer,
  id: number,
  { size, note }: { readonly size: number; readonly note: string },
): Promise<void> {
  await writer.run('UPDATE logs SET size = $2, latest = $3 WHERE id = $1', id, size, note);
}

/** Publishes a checkpoint, unless a later one is published. */
export async function setPublished(
  writer: Writer,
  id: number,
  { size, note }: { readonly size: number; readonly note: string },
): Promise<void> {
  await writer.run(
    'UPDATE logs SET published = $2, checkpoint = $3 WHERE id = $1 AND published <= $2',
    id,
    size,
    note,
  );
}

/** In the order of their keys. */
export async function listWitnesses(reader: Reader, id: number): Promise<readonly WitnessRow[]> {
  return reader.all<WitnessRow>(
    'SELECT witness, url, size FROM log_witnesses WHERE log_id = $1 ORDER BY witness',
    id,
  );
}

/** Those that are asked from now on; what is known of one that was asked before stays. */
export async function replaceWitnesses(
  writer: Writer,
  id: number,
  witnesses: readonly Omit<WitnessRow, 'size'>[],
): Promise<void> {
  const before = await listWitnesses(writer, id);
  await writer.run('DELETE FROM log_witnesses WHERE log_id = $1', id);
  for (const { witness, url } of witnesses) {
    const size = before.find((other) => other.witness === witness)?.size ?? 0;
    await writer.run(
      'INSERT INTO log_witnesses (log_id, witness, url, size) VALUES ($1, $2, $3, $4)',
      id,
      witness,
      url,
      size,
    );
  }
}

/** Notes how many entries a witness has seen. */
export async function setWitnessSize(
  writer: Writer,
  id: number,
  { witness, size }: Pick<WitnessRow, 'witness' | 'size'>,
): Promise<void> {
  await writer.run(
    'UPDATE log_witnesses SET size = $3 WHERE log_id = $1 AND witness = $2 AND size < $3',
    id,
    witness,
    size,
  );
}

function fromColumns({ is_public, ...row }: Columns): LogRow {
  return { ...row, isPublic: is_public === 1 };
}
