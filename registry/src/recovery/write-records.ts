import type { Database, TransactionOptions } from '../metadata/database.ts';
import {
  claimRecords,
  findRecorded,
  finishRecord,
  listBlobKeys,
  releaseRecords,
  type TimedClaim,
} from '../metadata/manifest-records.ts';
import type { BlobStore } from '../storage/blob-store.ts';
import { putBlob } from '../storage/put-blob.ts';
import { forEachParallel } from '../transfer/parallel.ts';
import { encodeManifestRecord } from './manifest-record.ts';

/** How long a process has for the records that it takes; whoever it keeps waiting may be dead. */
const leaseMs = 10 * 60 * 1000;

/** Lost in a power loss, they cost a wait or a note that is written twice. */
const ofNotes: TransactionOptions = { durable: false, isolated: false };

const takenTogether = 100;
const writtenAtOnce = 8;

/**
 * Writes to storage what is known of manifests and not written yet, a hundred at most, each by one request. Any number
 * of processes may do so; a record is written by one of them. One that fails is due again when nobody can be writing it
 * any more, those behind it at once.
 *
 * @returns how many were taken; none when nothing is due
 */
export async function writeRecords(
  database: Database,
  blobs: BlobStore,
  { clock }: { readonly clock: () => number },
): Promise<number> {
  const now = clock();
  const until = now + leaseMs;
  const claims = await database.transaction(
    (writer) => claimRecords(writer, { now, until, limit: takenTogether }),
    { isolated: false },
  );
  const left = new Set(claims);
  try {
    await forEachParallel(claims, writtenAtOnce, undefined, async (claim) => {
      // What begins later might not end in time.
      if (clock() >= now + leaseMs / 2) return;
      left.delete(claim);
      await writeRecord(database, blobs, claim, clock);
    });
  } finally {
    if (left.size > 0) await database.transaction((writer) => releaseRecords(writer, [...left]), ofNotes);
  }
  return claims.length;
}

async function writeRecord(
  database: Database,
  blobs: BlobStore,
  claim: TimedClaim,
  clock: () => number,
): Promise<void> {
  const found = await findRecorded(database, claim.manifestId);
  // Deleted since it was taken, and the claim with it.
  if (found === undefined) return;
  const { repository, digest, media_type: mediaType, created_at: createdAt, bytes } = found;
  const keys = await listBlobKeys(database, claim.manifestId);
  const record = encodeManifestRecord({
    repository,
    digest,
    mediaType,
    createdAt,
    blobs: new Map(keys.map((blob) => [blob.digest, blob.key])),
    bytes,
  });
  await putBlob(blobs, [record], claim.key);
  await database.transaction((writer) => finishRecord(writer, claim, clock()), ofNotes);
}
