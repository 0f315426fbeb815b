import type { DigestAlgorithm } from '@img/spec/digest';
import type { RepositoryName } from '@img/spec/repository-name';
import type { BlobKey } from '../storage/blob-key.ts';
import type { UploadState } from '../storage/blob-store.ts';
import type { Reader, Writer } from './database.ts';
import { MetadataError } from './metadata-error.ts';
import { bury } from './tombstones.ts';

/** An upload session: a blob on its way into a repository. */
export type Upload = {
  /** What the client knows it by. */
  readonly id: string;
  readonly repository: RepositoryName;
  /** Who began it; nobody else may go on with it. */
  readonly owner: string;
  readonly key: BlobKey;
  /** The algorithm that the client announced. */
  readonly algorithm: DigestAlgorithm | undefined;
  readonly state: UploadState;
};

type UploadRow = {
  readonly id: string;
  readonly repository: RepositoryName;
  readonly owner: string;
  readonly key: BlobKey;
  readonly algorithm: DigestAlgorithm | null;
  readonly size: number;
  readonly notes: string;
  readonly tail: Uint8Array;
};

/** Who names an upload: it is found only under its own repository and by its own owner. */
export type UploadName = Pick<Upload, 'id' | 'repository' | 'owner'>;

/** The right to write to an upload until a time, for one request of one process. */
export type UploadLock = { readonly token: string; readonly now: number; readonly until: number };

export async function insertUpload(writer: Writer, upload: Upload, now: number): Promise<void> {
  const { id, repository, owner, key, algorithm, state } = upload;
  await writer.run(
    `INSERT INTO uploads
        (id, repository, owner, key, algorithm, size, notes, tail, locked_by, locked_until, updated_at)
      VALUES ($1, $2, $3, $4, $5, $6, $7, $8, NULL, 0, $9)`,
    id,
    repository,
    owner,
    key,
    algorithm ?? null,
    state.sizeBytes,
    state.notes,
    state.tail,
    now,
  );
}

export async function findUpload(reader: Reader, name: UploadName): Promise<Upload | undefined> {
  const row = await reader.get<UploadRow>(
    `SELECT id, repository, owner, key, algorithm, size, notes, tail FROM uploads
      WHERE id = $1 AND repository = $2 AND owner = $3`,
    name.id,
    name.repository,
    name.owner,
  );
  return row === undefined ? undefined : uploadOf(row);
}

/** Whether an upload goes on under the key. */
export async function hasUploadWithKey(reader: Reader, key: BlobKey): Promise<boolean> {
  return (await reader.get('SELECT 1 AS one FROM uploads WHERE key = $1', key)) !== undefined;
}

/**
 * Takes the right to write to an upload, unless another process has it.
 *
 * @returns false while another process has the lock or where there is no such upload
 */
export async function lockUpload(writer: Writer, id: string, lock: UploadLock): Promise<boolean> {
  const changed = await writer.run(
    `UPDATE uploads SET locked_by = $1, locked_until = $2, updated_at = $3
      WHERE id = $4 AND (locked_by IS NULL OR locked_by = $1 OR locked_until <= $3)`,
    lock.token,
    lock.until,
    lock.now,
    id,
  );
  return changed > 0;
}

/**
 * Notes how far an upload is stored.
 *
 * @param lock also prolonged to its `until`
 * @throws MetadataError UPLOAD_TAKEN if the lock was lost
 */
export async function saveUpload(
  writer: Writer,
  id: string,
  { sizeBytes, notes, tail }: UploadState,
  lock: UploadLock,
): Promise<void> {
  const changed = await writer.run(
    `UPDATE uploads SET size = $1, notes = $2, tail = $3, locked_until = $4, updated_at = $5
      WHERE id = $6 AND locked_by = $7`,
    sizeBytes,
    notes,
    tail,
    lock.until,
    lock.now,
    id,
    lock.token,
  );
  if (changed === 0) throw taken(id);
}

/** Gives the lock back; nothing happens if it was lost. */
export async function unlockUpload(writer: Writer, id: string, token: string): Promise<void> {
  await writer.run(
    'UPDATE uploads SET locked_by = NULL, locked_until = 0 WHERE id = $1 AND locked_by = $2',
    id,
    token,
  );
}

/**
 * Ends an upload by whoever has its lock.
 *
 * @throws MetadataError UPLOAD_TAKEN if the lock was lost
 */
export async function endUpload(writer: Writer, id: string, token: string): Promise<void> {
  if ((await writer.run('DELETE FROM uploads WHERE id = $1 AND locked_by = $2', id, token)) === 0)
    throw taken(id);
}

/** Ends an upload and buries what was stored of it. */
export async function cancelUpload(
  writer: Writer,
  { id, key, state }: Upload,
  { token, now }: Pick<UploadLock, 'token' | 'now'>,
): Promise<void> {
  await endUpload(writer, id, token);
  await bury(writer, { key, state }, now);
}

/** Uploads that nobody touched since a time and nobody has locked, oldest first. */
export async function listStaleUploads(
  reader: Reader,
  {
    untouchedSince,
    now,
    limit,
  }: { readonly untouchedSince: number; readonly now: number; readonly limit: number },
): Promise<readonly Upload[]> {
  const rows = await reader.all<UploadRow>(
    `SELECT id, repository, owner, key, algorithm, size, notes, tail FROM uploads
      WHERE updated_at <= $1 AND (locked_by IS NULL OR locked_until <= $2) ORDER BY updated_at LIMIT $3`,
    untouchedSince,
    now,
    limit,
  );
  return rows.map(uploadOf);
}

function uploadOf({ size, notes, tail, algorithm, ...row }: UploadRow): Upload {
  return { ...row, algorithm: algorithm ?? undefined, state: { sizeBytes: size, notes, tail } };
}

function taken(id: string): MetadataError {
  return new MetadataError('UPLOAD_TAKEN', `upload ${id} was taken over by another request or ended`);
}
