import { limits } from '@img/spec/limits';
import { ProtocolError } from '@img/spec/protocol-error';
import { quote } from '@img/spec/quote';
import type { Context } from 'koa';

/** Which part of a list a request asks for. */
export type Page = {
  /** How many entries at most. */
  readonly limit: number;
  /** The entry after which the page begins; empty for the beginning. */
  readonly after: string;
};

/**
 * Reads `n` and `last` of a list request. An `n` that is too large is cut.
 *
 * @throws ProtocolError UNSUPPORTED, 400, if n is no count
 */
export function readPage(query: URLSearchParams, most: number = limits.pageEntries): Page {
  const n = query.get('n');
  if (n !== null && !/^\d{1,15}$/.test(n)) {
    throw new ProtocolError('UNSUPPORTED', `n should be how many entries are wanted, not ${quote(n)}`, {
      status: 400,
    });
  }
  return { limit: n === null ? most : Math.min(Number(n), most), after: query.get('last') ?? '' };
}

/** Points the client at the next page; what else the query says, such as a filter, stays (RFC 8288). */
export function linkNextPage(ctx: Context, query: URLSearchParams, last: string): void {
  const next = new URLSearchParams(query);
  next.set('last', last);
  ctx.set('Link', `<${ctx.path}?${next}>; rel="next"`);
}
