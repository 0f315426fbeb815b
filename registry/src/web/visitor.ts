import { createHash, randomBytes } from 'node:crypto';
import type { Context } from 'koa';
import { deleteSession, findSession, insertSession } from '../metadata/accounts/sessions.ts';
import { nobody, type Principal } from '../server/auth/access-policy.ts';
import type { Services } from '../server/services.ts';

/** Who looks at a page. */
export type Visitor = {
  readonly principal: Principal;
  /** What forms must send back; undefined for whoever is not logged in. */
  readonly csrf: string | undefined;
};

export const stranger: Visitor = { principal: nobody, csrf: undefined };

/** How long a browser stays logged in. */
const sessionMs = 12 * 60 * 60 * 1000;

/** Who the cookie of a request belongs to. */
export async function findVisitor(ctx: Context, { database, logIn, clock }: Services): Promise<Visitor> {
  const cookie = cookieOf(ctx);
  if (cookie === undefined) return stranger;
  const name = await findSession(database, hashOf(`session ${cookie}`), clock());
  if (name === undefined) return stranger;
  const principal = await logIn.principal(name);
  if (principal.name === '') return stranger;
  ctx.state['user'] = principal.name;
  // Only who knows the cookie can compute it, and other sites can't read the cookie.
  return { principal, csrf: hashOf(`csrf ${cookie}`) };
}

/** Begins a session of a user in this browser; false if the user has just been removed. */
export async function beginSession(ctx: Context, services: Services, user: string): Promise<boolean> {
  const { database, clock } = services;
  const cookie = randomBytes(32).toString('base64url');
  const now = clock();
  const session = { id: hashOf(`session ${cookie}`), user, expires_at: now + sessionMs };
  if (!(await database.transaction((writer) => insertSession(writer, session, now)))) return false;
  setCookie(ctx, services, cookie, sessionMs / 1000);
  return true;
}

/** Ends the session of this browser. */
export async function endSession(ctx: Context, services: Services): Promise<void> {
  const cookie = cookieOf(ctx);
  if (cookie !== undefined) {
    await services.database.transaction((writer) => deleteSession(writer, hashOf(`session ${cookie}`)));
  }
  setCookie(ctx, services, '', 0);
}

function cookieOf(ctx: Context): string | undefined {
  return /(?:^|; ?)(?:__Host-)?img-session=([\w-]{43})(?:;|$)/.exec(ctx.get('Cookie'))?.[1];
}

// Lax: whoever follows a link to a page here stays logged in; forms of other sites come without it.
function setCookie(ctx: Context, { publicUrl }: Services, value: string, seconds: number): void {
  const isSecure = ctx.secure || publicUrl?.startsWith('https:') === true;
  const name = isSecure ? '__Host-img-session' : 'img-session';
  const attributes = `Path=/; Max-Age=${seconds}; HttpOnly; SameSite=Lax${isSecure ? '; Secure' : ''}`;
  ctx.set('Set-Cookie', `${name}=${value}; ${attributes}`);
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
