import type { Context } from 'koa';
import { isReachable } from '../metadata/is-reachable.ts';
import { answerJson } from './http/answer.ts';
import type { Services } from './services.ts';

/** `/healthz`: the process answers. `/readyz`: its database does too, else 503. */
export async function answerHealth(ctx: Context, { database }: Services): Promise<void> {
  ctx.set('Cache-Control', 'no-store');
  const isReady = ctx.path === '/healthz' || (await isReachable(database));
  answerJson(ctx, { status: isReady ? 'ok' : 'not ready' });
  if (!isReady) ctx.status = 503;
}
