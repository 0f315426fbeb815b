import type { Writable } from 'node:stream';
import type { Digest } from '@img/spec/digest';
import { mediaTypes } from '@img/spec/media-types';
import { ProtocolError } from '@img/spec/protocol-error';
import type { Context } from 'koa';
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
  const blob = await findForCaller(exchange, digestParameter(parameter));
  const answer: BlobAnswer = { ...blob, send: (sink, range) => send(exchange, blob, sink, range) };
  if (ctx.method !== 'GET') await answerBlob(exchange, answer);
  else await answerBlob(exchange, { ...answer, locate: () => locate(exchange, blob) });
}

/** A blob, and how its bytes get to the client. */
export type BlobAnswer = {
  readonly digest: Digest;
  readonly size: number;
  send(sink: Writable, range: Required<BlobRange>): Promise<void>;
  /** Where the client gets it instead, if anywhere. */
  locate?(): Promise<string | undefined>;
};

/** Answers with a blob, or with the part of it that is asked for. */
export async function answerBlob(exchange: RepositoryExchange, blob: BlobAnswer): Promise<void> {
  const { ctx } = exchange;
  const { digest, size } = blob;
  ctx.set('Accept-Ranges', 'bytes');
  if (answerIfKnown(ctx, digest, true)) return;
  const range = rangeOf(exchange, blob);
  if (range.kind === 'unsatisfiable') {
    throw new ProtocolError('SIZE_INVALID', `the blob has ${size} bytes, the range is not in it`, {
      status: 416,
      headers: { 'Content-Range': `bytes */${size}` },
    });
  }
  const location = await blob.locate?.();
  if (location !== undefined) return answerElsewhere(ctx, location);
  const [offset, length] = range.kind === 'part' ? [range.offset, range.length] : [0, size];
  ctx.status = range.kind === 'part' ? 206 : 200;
  if (range.kind === 'part') ctx.set('Content-Range', `bytes ${offset}-${offset + length - 1}/${size}`);
  ctx.set('Content-Type', mediaTypes.octetStream);
  ctx.length = length;
  if (ctx.method === 'GET') await answerStream(ctx, (sink) => blob.send(sink, { offset, length }));
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
  if (blob === undefined || !isThere) throw unknownBlob(digest);
  return blob;
}

/** Where the blob store has a place for the client that it can reach. */
async function locate(
  { ctx, services }: RepositoryExchange,
  { key }: LinkedBlob,
): Promise<string | undefined> {
  return services.isNear(ctx.ip) ? undefined : services.blobs.locate(key);
}

function answerElsewhere(ctx: Context, location: string): void {
  // The place is good for minutes, and for this client.
  answerEmpty(ctx, 307, { Location: location, 'Cache-Control': 'no-store' });
  ctx.remove('ETag');
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
    throw unknownBlob(digest);
  }
}

/** The answer about a blob that is not there. */
export function unknownBlob(digest: Digest): ProtocolError {
  return new ProtocolError('BLOB_UNKNOWN', undefined, { detail: { digest } });
}

function rangeOf({ ctx }: RepositoryExchange, { digest, size }: BlobAnswer): ByteRange {
  const header = ctx.get('Range');
  const condition = ctx.get('If-Range');
  if (header === '' || (condition !== '' && !parseEntityTags(condition).includes(digest)))
    return { kind: 'whole' };
  return parseByteRange(header, size);
}
