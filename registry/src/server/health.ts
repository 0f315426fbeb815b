import type { Context } from 'koa';
import { isReachable } from '../metadata/is-reachable.ts';
import { answerJson } from './http/answer.ts';
import type { Services } from './services.ts';

/**
 * `/healthz`: the process answers. `/readyz`: it should get requests, because its database answers and it isn't
 * about to end; 503 otherwise.
 */
export async function answerHealth(ctx: Context, { database }: Services, isClosing: boolean): Promise<void> {
  ctx.set('Cache-Control', 'no-store');
  const isReady = ctx.path === '/healthz' || (!isClosing && (await isReachable(database)));
  answerJson(ctx, { status: isReady ? 'ok' : 'not ready' });
  if (!isReady) ctx.status = 503;
}
