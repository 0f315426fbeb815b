import type { Context } from 'koa';

/**
 * Cuts the connection some time after the answer if the client is still sending the body of its request. Cut at
 * once, the client might never see the answer; never cut, it could go on forever.
 */
export function lingerOverBody(ctx: Context, lingerMs: number): void {
  const { req, res } = ctx;
  if (req.complete) return;
  res.once('finish', () => {
    if (req.complete) return;
    const timer = setTimeout(() => req.socket.destroy(), lingerMs).unref();
    req.once('close', () => clearTimeout(timer));
  });
}
