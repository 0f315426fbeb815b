import { ProtocolError, type ProtocolErrorCode } from '@img/spec/protocol-error';
import type { Context } from 'koa';
import type { ServerLimits } from '../server-limits.ts';

/** The client went away before its request was whole; there is nobody to answer. */
export class RequestAborted extends Error {
  override readonly name = 'RequestAborted';
}

type PaceLimits = Pick<ServerLimits, 'slowBodyMs' | 'slowBodyBytes'>;

export type BodyOptions = {
  readonly maxBytes: number;
  /** The code of the refusal when there is more. */
  readonly code: ProtocolErrorCode;
  readonly limits: PaceLimits;
  /** Breaks the connection off. */
  readonly signal?: AbortSignal;
};

/**
 * The body of a request as it comes. It ends by itself only if the client sent it whole.
 *
 * @throws RequestAborted, ProtocolError with status 413 when it is too long or 408 when it comes too slowly
 */
export async function* streamBody(
  ctx: Context,
  { maxBytes, code, limits, signal }: BodyOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  const announced = Number(ctx.get('Content-Length') || 0);
  if (announced > maxBytes) throw tooLong(code, maxBytes);
  // Only who is going to read the body asks for it: a refusal comes before it is sent.
  if (ctx.get('Expect').toLowerCase() === '100-continue') ctx.res.writeContinue();
  let size = 0;
  for await (const chunk of paced(received(ctx, signal), limits)) {
    size += chunk.byteLength;
    if (size > maxBytes) throw tooLong(code, maxBytes);
    yield chunk;
  }
  // From here on the client waits for us, however long we take; the next request has the timeout again.
  ctx.req.socket.setTimeout(0);
}

/** Whether the request has a body, of a length that may be unknown. */
export function hasBody(ctx: Context): boolean {
  return ctx.get('Transfer-Encoding') !== '' || Number(ctx.get('Content-Length') || 0) > 0;
}

/** Reads a small body whole; throws what {@link streamBody} throws. */
export async function readBody(
  ctx: Context,
  maxBytes: number,
  limits: PaceLimits,
  code: ProtocolErrorCode = 'UNSUPPORTED',
): Promise<Uint8Array> {
  return Buffer.concat(await Array.fromAsync(streamBody(ctx, { maxBytes, code, limits })));
}

async function* received(
  ctx: Context,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, void, undefined> {
  const breakOff = () => ctx.req.destroy();
  if (signal?.aborted) breakOff();
  signal?.addEventListener('abort', breakOff);
  try {
    // Whoever stops reading still wants to answer, so the connection must stay.
    yield* ctx.req.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>;
  } catch (cause) {
    throw new RequestAborted('the client went away', { cause });
  } finally {
    signal?.removeEventListener('abort', breakOff);
  }
  if (!ctx.req.complete) throw new RequestAborted('the client went away');
}

/** Counts only the time spent waiting for the client, in windows, so that a slow end is noticed too. */
async function* paced(
  source: AsyncIterable<Uint8Array>,
  { slowBodyMs, slowBodyBytes }: PaceLimits,
): AsyncGenerator<Uint8Array, void, undefined> {
  let waitedMs = 0;
  let bytes = 0;
  let since = performance.now();
  for await (const chunk of source) {
    waitedMs += performance.now() - since;
    bytes += chunk.byteLength;
    if (waitedMs >= slowBodyMs) {
      if (bytes < slowBodyBytes) {
        const reason = `only ${bytes} bytes came in ${Math.round(waitedMs)} ms`;
        throw new ProtocolError('BLOB_UPLOAD_INVALID', reason, { status: 408 });
      }
      waitedMs = 0;
      bytes = 0;
    }
    yield chunk;
    since = performance.now();
  }
}

function tooLong(code: ProtocolErrorCode, maxBytes: number): ProtocolError {
  return new ProtocolError(code, `the content is longer than the ${maxBytes} bytes allowed`, { status: 413 });
}
