import { randomUUID } from 'node:crypto';
import Koa, { type Context, type Next } from 'koa';
import { dispatchApi } from '../accounts/dispatch-api.ts';
import { dispatchLog, isLogPath } from '../log/dispatch-log.ts';
import { dispatchWeb, isWebPath } from '../web/dispatch-web.ts';
import { answerTokenRequest } from './auth/token-endpoint.ts';
import { dispatch } from './dispatch.ts';
import { answerHealth } from './health.ts';
import { errorAnswer } from './http/error-answer.ts';
import { lingerOverBody } from './http/linger-over-body.ts';
import { RequestAborted } from './http/request-body.ts';
import type { Services } from './services.ts';

export type AppOptions = {
  /** Whether a proxy in front tells the truth in X-Forwarded-For, -Host and -Proto. */
  readonly isBehindProxy: boolean;
  /** Whether requests are still welcome; connections end after their answer if not. */
  readonly isClosing: () => boolean;
};

/** What an answer says about itself rather than about content: it stays when the answer turns into a refusal. */
const keptHeaders: ReadonlySet<string> = new Set([
  'connection',
  'docker-distribution-api-version',
  'x-request-id',
]);

/** The registry as a koa application. */
export function createApp(services: Services, { isBehindProxy, isClosing }: AppOptions): Koa {
  // Only the last address of X-Forwarded-For was written by the proxy; the ones before it by anybody.
  const app = new Koa({ proxy: isBehindProxy, maxIpsCount: 1 });
  app.on('error', (error: unknown, ctx?: Context) => {
    services.log.warn({ err: error, request: ctx?.state['requestId'] }, 'connection broke off');
  });
  app.use((ctx, next) => noted(ctx, next, services));
  app.use(async (ctx, next) => {
    await answered(ctx, next, services);
    if (isClosing() && !ctx.headerSent) ctx.set('Connection', 'close');
  });
  app.use(async (ctx) => {
    if (ctx.path === '/healthz' || ctx.path === '/readyz') await answerHealth(ctx, services);
    else if (ctx.path === '/token') {
      services.requestLimit.take('none', ctx.ip);
      await answerTokenRequest(ctx, services);
    } else if (ctx.path.startsWith('/api/')) await dispatchApi(ctx, services);
    else if (isLogPath(ctx.path)) await dispatchLog(ctx, services);
    else if (isWebPath(ctx.path)) await dispatchWeb(ctx, services);
    else await dispatch(ctx, services);
  });
  return app;
}

/** Logs each request when its answer is sent or the client is gone. */
async function noted(ctx: Context, next: Next, { log, meter }: Services): Promise<void> {
  const begin = performance.now();
  const end = meter?.begin();
  const requestId = randomUUID();
  ctx.state['requestId'] = requestId;
  ctx.set('X-Request-Id', requestId);
  const address = ctx.ip;
  ctx.res.once('close', () => {
    const milliseconds = performance.now() - begin;
    const isBroken = !ctx.res.writableFinished;
    const { method, path } = ctx;
    end?.({ method, path, status: ctx.res.statusCode, seconds: milliseconds / 1000, isBroken });
    log.info(
      {
        request: requestId,
        method,
        path,
        status: ctx.res.statusCode,
        ms: Math.round(milliseconds * 10) / 10,
        user: ctx.state['user'],
        address,
        ...(isBroken ? { broken: true } : {}),
      },
      'request',
    );
  });
  await next();
}

/** Turns what the handlers throw into answers: the only place where errors become HTTP. */
async function answered(ctx: Context, next: Next, { log, limits }: Services): Promise<void> {
  try {
    await next();
  } catch (error) {
    const requestId = String(ctx.state['requestId']);
    if (ctx.headerSent || ctx.res.destroyed || error instanceof RequestAborted) {
      // Half an answer must not look like a whole one.
      log.warn({ err: error, request: requestId }, 'request broke off');
      ctx.res.destroy();
      ctx.respond = false;
      return;
    }
    const answer = errorAnswer(error, requestId);
    if (answer.status >= 500) log.error({ err: error, request: requestId }, 'request failed');
    for (const name of ctx.res.getHeaderNames()) if (!keptHeaders.has(name)) ctx.remove(name);
    ctx.status = answer.status;
    ctx.body = answer.body;
    ctx.set({ ...answer.headers, 'Content-Type': 'application/json' });
  } finally {
    lingerOverBody(ctx, limits.lingerMs);
  }
}
