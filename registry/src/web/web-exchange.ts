import type { Context } from 'koa';
import type { Services } from '../server/services.ts';
import type { Page } from './layout.ts';
import type { Visitor } from './visitor.ts';

/** A request for a page, by somebody who may not be allowed to see it. */
export type WebExchange = {
  readonly ctx: Context;
  readonly services: Services;
  readonly visitor: Visitor;
  readonly query: URLSearchParams;
};

/** Makes a page, or answers in another way and returns nothing. */
export type WebHandler = (exchange: WebExchange) => Promise<Page | undefined>;

/** Sends the browser to a page of ours, after a form. */
export function redirect({ ctx }: WebExchange, path: string): undefined {
  ctx.status = 303;
  ctx.set('Location', path);
  ctx.body = Buffer.alloc(0);
  ctx.remove('Content-Type');
  return undefined;
}

/** How references name this registry. */
export function hostOf({ ctx, services }: WebExchange): string {
  return services.publicUrl === undefined ? ctx.host : new URL(services.publicUrl).host;
}
