import type { Writable } from 'node:stream';
import type { Context } from 'koa';

/** Answers without a body; Content-Length says so. */
export function answerEmpty(
  ctx: Context,
  status: number,
  headers: { readonly [name: string]: string } = {},
): void {
  ctx.status = status;
  // The empty body would otherwise be announced as text.
  ctx.body = status === 204 ? null : Buffer.alloc(0);
  ctx.remove('Content-Type');
  ctx.set(headers);
}

/** Answers with a JSON document of the given type. */
export function answerJson(ctx: Context, value: unknown, mediaType = 'application/json'): void {
  const bytes = Buffer.from(JSON.stringify(value));
  ctx.status = 200;
  ctx.body = bytes;
  ctx.set('Content-Type', mediaType);
}

/**
 * Answers with a body that somebody else writes; status and headers must be set, Content-Length too. If less is
 * written than that says, the connection breaks, which is how the client learns of it.
 */
export async function answerStream(ctx: Context, send: (sink: Writable) => Promise<void>): Promise<void> {
  ctx.res.strictContentLength = true;
  await send(ctx.res);
  ctx.res.end();
  ctx.respond = false;
}

/**
 * Names content by its digest and answers 304 if the client has it already.
 *
 * @param isImmutable whether the same request can only ever have the same answer
 * @returns whether the answer is complete
 */
export function answerIfKnown(ctx: Context, digest: string, isImmutable: boolean): boolean {
  ctx.set('Docker-Content-Digest', digest);
  ctx.set('ETag', `"${digest}"`);
  ctx.set('Cache-Control', isImmutable ? 'max-age=31536000, immutable' : 'no-cache');
  if (!parseEntityTags(ctx.get('If-None-Match')).includes(digest)) return false;
  ctx.status = 304;
  return true;
}

/** The tags of an If-Match or If-None-Match header, without their quotes (RFC 9110 section 13.1). */
export function parseEntityTags(header: string): readonly string[] {
  return header
    .split(',')
    .map((tag) =>
      tag
        .trim()
        .replace(/^W\//, '')
        .replace(/^"(.*)"$/, '$1'),
    )
    .filter((tag) => tag !== '');
}
