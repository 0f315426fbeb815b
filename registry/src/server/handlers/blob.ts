import type { Writable } from 'node:stream';
import type { Digest } from '@img/spec/digest';
import { mediaTypes } from '@img/spec/media-types';
import { ProtocolError } from '@img/spec/protocol-error';
import { findBlob, type LinkedBlob } from '../../metadata/blobs.ts';
import { deleteBlob } from '../../metadata/delete-blob.ts';
import { postponeReview } from '../../metadata/links.ts';
import type { BlobRange } from '../../storage/blob-store.ts';
import { BlobStoreError } from '../../storage/blob-store-error.ts';
import { digestParameter, type RepositoryExchange } from '../exchange.ts';
import { answerEmpty, answerIfKnown, answerStream, parseEntityTags } from '../http/answer.ts';
import { type ByteRange, parseByteRange } from '../http/byte-range.ts';
import { answerDeletion } from './deletion.ts';

/** `GET` and `HEAD /v2/<name>/blobs/<digest>` (distribution-spec, "Pulling blobs"). */
export async function getBlob(exchange: RepositoryExchange): Promise<void> {
  const { ctx, parameter } = exchange;
  const digest = digestParameter(parameter);
  const blob = await findForCaller(exchange, digest);
  ctx.set('Accept-Ranges', 'bytes');
  if (answerIfKnown(ctx, digest, true)) return;
  const range = rangeOf(exchange, blob);
  if (range.kind === 'unsatisfiable') {
    throw new ProtocolError('SIZE_INVALID', `the blob has ${blob.size} bytes, the range is not in it`, {
      status: 416,
      headers: { 'Content-Range': `bytes */${blob.size}` },
    });
  }
  if (ctx.method === 'GET' && (await answerElsewhere(exchange, blob))) return;
  const [offset, length] = range.kind === 'part' ? [range.offset, range.length] : [0, blob.size];
  ctx.status = range.kind === 'part' ? 206 : 200;
  if (range.kind === 'part') ctx.set('Content-Range', `bytes ${offset}-${offset + length - 1}/${blob.size}`);
  ctx.set('Content-Type', mediaTypes.octetStream);
  ctx.length = length;
  if (ctx.method === 'GET') await answerStream(ctx, (sink) => send(exchange, blob, sink, { offset, length }));
}

/** `DELETE /v2/<name>/blobs/<digest>`: takes it from this repository only. */
export async function removeBlob({
  ctx,
  repository,
  parameter,
  services,
}: RepositoryExchange): Promise<void> {
  const digest = digestParameter(parameter);
  const { database, clock, sweeper } = services;
  const deletion = await database.transaction((writer) => deleteBlob(writer, repository, digest, clock()));
  answerDeletion(ctx, deletion, 'BLOB_UNKNOWN', digest);
  sweeper.wake();
}

/**
 * Finds a blob. Whoever may push, asks with HEAD and hears that the blob is there won't push it, so it must stay
 * for the manifest that comes: the promise and the answer are one transaction.
 */
async function findForCaller(
  { ctx, repository, caller, services }: RepositoryExchange,
  digest: Digest,
): Promise<LinkedBlob> {
  const { database, clock, limits } = services;
  const blob = await findBlob(database, repository, digest);
  const now = clock();
  const isDueSoon =
    blob !== undefined && blob.review_at !== null && blob.review_at < now + limits.unneededMs / 2;
  const isThere =
    isDueSoon && ctx.method === 'HEAD' && (await caller.allows(repository, 'push'))
      ? await database.transaction((writer) => {
          return postponeReview(writer, repository, digest, now + limits.unneededMs);
        })
      : blob !== undefined;
  if (blob === undefined || !isThere) throw unknown(digest);
  return blob;
}

/** Sends the client to the blob store, where the store has a place for that and the client can reach it. */
async function answerElsewhere({ ctx, services }: RepositoryExchange, { key }: LinkedBlob): Promise<boolean> {
  const location = services.isNear(ctx.ip) ? undefined : await services.blobs.locate(key);
  if (location === undefined) return false;
  // The place is good for minutes, and for this client.
  answerEmpty(ctx, 307, { Location: location, 'Cache-Control': 'no-store' });
  ctx.remove('ETag');
  return true;
}

/** Sends the bytes; if they were deleted since the blob was found, it is unknown. */
async function send(
  { services, repository }: RepositoryExchange,
  { key, digest }: LinkedBlob,
  sink: Writable,
  range: BlobRange,
): Promise<void> {
  try {
    await services.blobs.send(key, sink, range);
  } catch (error) {
    const isMissing = error instanceof BlobStoreError && error.code === 'BLOB_MISSING';
    if (!isMissing || (await findBlob(services.database, repository, digest)) !== undefined) throw error;
    throw unknown(digest);
  }
}

function unknown(digest: Digest): ProtocolError {
  return new ProtocolError('BLOB_UNKNOWN', undefined, { detail: { digest } });
}

function rangeOf({ ctx }: RepositoryExchange, { digest, size }: LinkedBlob): ByteRange {
  const header = ctx.get('Range');
  const condition = ctx.get('If-Range');
  if (header === '' || (condition !== '' && !parseEntityTags(condition).includes(digest)))
    return { kind: 'whole' };
  return parseByteRange(header, size);
}
