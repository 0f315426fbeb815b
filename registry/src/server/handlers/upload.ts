import { type Digest, digestAlgorithm } from '@img/spec/digest';
import { ProtocolError } from '@img/spec/protocol-error';
import { quote } from '@img/spec/quote';
import { routePath } from '@img/spec/routes';
import type { Context } from 'koa';
import type { Upload, UploadName } from '../../metadata/uploads.ts';
import { digestParameter, type RepositoryExchange } from '../exchange.ts';
import { answerEmpty } from '../http/answer.ts';
import { parseChunkRange } from '../http/content-range.ts';
import { isDiskFull } from '../http/error-answer.ts';
import { hasBody, streamBody } from '../http/request-body.ts';
import type { UploadSession } from '../uploads/upload-session.ts';
import { findUploadOf, withUpload } from '../uploads/with-upload.ts';

/** `GET <session>`: how far the upload is. */
export async function getUpload(exchange: RepositoryExchange): Promise<void> {
  answerUploadState(exchange.ctx, await findUploadOf(exchange.services, nameOf(exchange)), 204);
}

/** `PATCH <session>`: takes a chunk, or without Content-Range a stream of unknown length. */
export async function patchUpload(exchange: RepositoryExchange): Promise<void> {
  const upload = await withUpload(exchange.services, nameOf(exchange), async (session) => {
    await receiveOrGiveUp(exchange, session);
    return session.upload;
  });
  answerUploadState(exchange.ctx, upload, 202);
}

/** `PUT <session>?digest=`: takes the last chunk, if there is one, and closes the session. */
export async function putUpload(exchange: RepositoryExchange): Promise<void> {
  const digest = digestParameter(exchange.query.get('digest') ?? '');
  await withUpload(exchange.services, nameOf(exchange), async (session) => {
    await receiveOrGiveUp(exchange, session, digest);
    await session.commit(digest);
  });
  answerBlobCreated(exchange, digest);
}

/** `DELETE <session>`: cancels the upload. */
export async function deleteUpload(exchange: RepositoryExchange): Promise<void> {
  await withUpload(exchange.services, nameOf(exchange), (session) => session.cancel());
  answerEmpty(exchange.ctx, 204);
}

/** What found no space left is given up at once: its bytes would be in the way of everything else for a day. */
async function receiveOrGiveUp(
  exchange: RepositoryExchange,
  session: UploadSession,
  digest?: Digest,
): Promise<void> {
  try {
    await receive(exchange, session, digest);
  } catch (error) {
    // The database may be full, too: then the upload goes with its age.
    if (isDiskFull(error)) await session.cancel().catch(() => undefined);
    throw error;
  }
}

/** Appends the body of the request to the upload, if it has one and it belongs there. */
export async function receive(
  { ctx, services, caller }: RepositoryExchange,
  session: UploadSession,
  digest?: Digest,
): Promise<void> {
  const exactly = expectedBytes(ctx, session);
  if (!hasBody(ctx) && exactly === undefined) return;
  const { limits } = services;
  using _slot = services.uploadSlots.take(caller.name);
  const maxBytes = limits.blobBytes - session.sizeBytes;
  const body = streamBody(ctx, { maxBytes, code: 'SIZE_INVALID', limits, signal: session.signal });
  await session.append(body, {
    ...(exactly === undefined ? {} : { exactly }),
    ...(digest === undefined ? {} : { algorithm: digestAlgorithm(digest) }),
  });
}

/**
 * How many bytes the Content-Range announces.
 *
 * @throws ProtocolError with status 416, and how far the upload is, if the chunk doesn't belong there
 */
function expectedBytes(ctx: Context, session: UploadSession): number | undefined {
  const header = ctx.get('Content-Range');
  if (header === '') return undefined;
  const range = parseChunkRange(header);
  if (range?.start !== session.sizeBytes) {
    const reason =
      range === undefined
        ? `Content-Range should be <first>-<last>, not ${quote(header)}`
        : `the chunk begins at ${range.start}, the next byte wanted is ${session.sizeBytes}`;
    const headers = headersOf(session.upload);
    throw new ProtocolError('BLOB_UPLOAD_INVALID', reason, { status: 416, headers });
  }
  const bytes = range.end - range.start + 1;
  const length = ctx.get('Content-Length');
  if (length !== '' && Number(length) !== bytes) {
    const reason = `Content-Range has ${bytes} bytes but Content-Length is ${length}`;
    throw new ProtocolError('SIZE_INVALID', reason);
  }
  return bytes;
}

export function answerUploadState(ctx: Context, upload: Upload, status: 202 | 204): void {
  answerEmpty(ctx, status, headersOf(upload));
}

export function answerBlobCreated({ ctx, repository }: RepositoryExchange, digest: Digest): void {
  answerEmpty(ctx, 201, {
    Location: routePath.blob(repository, digest),
    'Docker-Content-Digest': digest,
  });
}

function headersOf({ id, repository, state }: Upload): { readonly [name: string]: string } {
  return {
    Location: routePath.upload(repository, id),
    // Nothing stored is written like one byte stored; every client and the conformance suite expect that.
    Range: `0-${Math.max(0, state.sizeBytes - 1)}`,
    'Docker-Upload-UUID': id,
  };
}

function nameOf({ repository, parameter, caller }: RepositoryExchange): UploadName {
  return { id: parameter, repository, owner: caller.name };
}
