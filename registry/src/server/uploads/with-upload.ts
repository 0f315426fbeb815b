import { randomUUID } from 'node:crypto';
import { ProtocolError } from '@img/spec/protocol-error';
import { ofOneRow } from '../../metadata/database.ts';
import {
  findUpload,
  lockUpload,
  type Upload,
  type UploadName,
  unlockUpload,
} from '../../metadata/uploads.ts';
import type { Services } from '../services.ts';
import { lockFrom, UploadSession } from './upload-session.ts';

/** How soon a client that was refused because of a lock may try again. */
const busySeconds = 5;

/**
 * Runs work on an upload as the only one: older requests of this process are ended first, other processes are kept
 * off by a lock in the database.
 *
 * @throws ProtocolError BLOB_UPLOAD_UNKNOWN, TOOMANYREQUESTS while another process works on it
 */
export async function withUpload<T>(
  services: Services,
  name: UploadName,
  work: (session: UploadSession) => Promise<T>,
): Promise<T> {
  using turn = await services.turns.take(name.id);
  const token = randomUUID();
  const upload = await lockAndFind(services, name, token);
  const session = new UploadSession(services, upload, token, turn.signal);
  try {
    return await work(session);
  } finally {
    if (!session.isOver) {
      await services.database.transaction((writer) => unlockUpload(writer, name.id, token), ofOneRow);
    }
  }
}

/** @throws ProtocolError BLOB_UPLOAD_UNKNOWN */
export async function findUploadOf({ database }: Services, name: UploadName): Promise<Upload> {
  const upload = await findUpload(database, name);
  if (upload === undefined) throw new ProtocolError('BLOB_UPLOAD_UNKNOWN');
  return upload;
}

async function lockAndFind(services: Services, name: UploadName, token: string): Promise<Upload> {
  await findUploadOf(services, name);
  const upload = await services.database.transaction(async (writer) => {
    const isLocked = await lockUpload(writer, name.id, lockFrom(services.clock(), token));
    return isLocked ? findUpload(writer, name) : undefined;
  }, ofOneRow);
  if (upload !== undefined) return upload;
  throw new ProtocolError('TOOMANYREQUESTS', 'another request works on this upload', {
    headers: { 'Retry-After': String(busySeconds) },
  });
}
