import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ProtocolError } from '@img/spec/protocol-error';
import { quote } from '@img/spec/quote';
import type { Context } from 'koa';
import type { Services } from '../server/services.ts';
import { html } from './html.ts';
import { documentOf, type Page } from './layout.ts';
import { showActivity } from './pages/activity.ts';
import { restoreTag, showHistory } from './pages/history.ts';
import { showImage } from './pages/image.ts';
import { showLog } from './pages/log.ts';
import { logIn, logOut, showLogIn } from './pages/log-in.ts';
import { showRepositories } from './pages/repositories.ts';
import { setVisibility, showRepository } from './pages/repository.ts';
import { findVisitor } from './visitor.ts';
import type { WebExchange, WebHandler } from './web-exchange.ts';

/** The pages without a name in their path, by method. */
const pages: { readonly [path: string]: { readonly [method: string]: WebHandler } } = {
  '/': { GET: showRepositories },
  '/activity': { GET: showActivity },
  '/login': { GET: showLogIn, POST: logIn },
  '/logout': { POST: logOut },
  '/restore': { POST: restoreTag },
  '/visibility': { POST: setVisibility },
};

const repositoryPages: { readonly [method: string]: WebHandler } = {
  GET: (exchange) => {
    const path = exchange.ctx.path.slice('/r/'.length);
    if (exchange.query.has('history')) return showHistory(exchange, path);
    return /[@:]/.test(path) ? showImage(exchange, path) : showRepository(exchange, path);
  },
};

const logPages: { readonly [method: string]: WebHandler } = {
  GET: (exchange) => showLog(exchange, exchange.ctx.path.slice('/l/'.length)),
};

const files: { readonly [path: string]: { readonly type: string; readonly name: string } } = {
  '/style.css': { type: 'text/css; charset=utf-8', name: 'style.css' },
  '/favicon.svg': { type: 'image/svg+xml', name: 'favicon.svg' },
};

const contents = new Map(
  Object.entries(files).map(([path, { name }]) => [path, readFileSync(join(import.meta.dirname, name))]),
);

// Nothing but our own style and icon; no script, no frame, no form to elsewhere.
const securityPolicy =
  "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/** Whether the path is one of the pages for people. */
export function isWebPath(path: string): boolean {
  return /^\/[lr]\//.test(path) || Object.hasOwn(pages, path) || Object.hasOwn(files, path);
}

/** Answers a request of a browser with a page, also where it is refused. */
export async function dispatchWeb(ctx: Context, services: Services): Promise<void> {
  ctx.set({
    'Content-Security-Policy': securityPolicy,
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Referrer-Policy': 'same-origin',
    'X-Content-Type-Options': 'nosniff',
    'X-Frame-Options': 'DENY',
  });
  if (answerFile(ctx)) return;
  ctx.set('Cache-Control', 'no-store');
  const visitor = await findVisitor(ctx, services);
  const exchange = { ctx, services, visitor, query: new URLSearchParams(ctx.querystring) };
  const page = await pageFor(exchange);
  if (page === undefined) return;
  ctx.body = documentOf(page, visitor);
  ctx.set('Content-Type', 'text/html; charset=utf-8');
}

function answerFile(ctx: Context): boolean {
  const content = contents.get(ctx.path);
  if (content === undefined) return false;
  ctx.body = content;
  ctx.set({ 'Content-Type': files[ctx.path]?.type ?? '', 'Cache-Control': 'max-age=3600' });
  return true;
}

async function pageFor(exchange: WebExchange): Promise<Page | undefined> {
  const { ctx, visitor } = exchange;
  const named = ctx.path.startsWith('/l/') ? logPages : repositoryPages;
  const handlers = Object.hasOwn(pages, ctx.path) ? pages[ctx.path] : named;
  const method = ctx.method === 'HEAD' ? 'GET' : ctx.method;
  try {
    const handler = handlers !== undefined && Object.hasOwn(handlers, method) ? handlers[method] : undefined;
    if (handler === undefined)
      throw new ProtocolError('UNSUPPORTED', `There is no ${quote(ctx.method)} here.`);
    return await handler(exchange);
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    ctx.status = error.status;
    ctx.set(error.headers);
    const isLogInOffered = visitor.csrf === undefined && error.status === 404;
    const next = new URLSearchParams({ next: ctx.path }).toString();
    const body = html`<p>${error.message}</p>
${isLogInOffered && html`<p><a href="/login?${next}">Log in</a> to see more.</p>`}`;
    return { title: error.status === 404 ? 'Not found' : 'Refused', body };
  }
}
