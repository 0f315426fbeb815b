import { ProtocolError } from '@img/spec/protocol-error';
import { readForm } from '../form.ts';
import { html } from '../html.ts';
import type { Page } from '../layout.ts';
import { beginSession, endSession } from '../visitor.ts';
import { redirect, type WebHandler } from '../web-exchange.ts';

/** The form to log in with. */
export const showLogIn: WebHandler = async ({ query }) => logInPage(ownPath(query.get('next')));

/** Takes the form. */
export const logIn: WebHandler = async (exchange) => {
  const { ctx, services } = exchange;
  // Whoever is logged in already and logs in again has a form without the field.
  const form = await readForm(ctx, services, { ...exchange.visitor, csrf: undefined });
  const [name, password] = [form.get('name') ?? '', form.get('password') ?? ''];
  const next = ownPath(form.get('next'));
  const refuse = (status: number, message: string) => {
    ctx.status = status;
    return logInPage(next, { name, message });
  };
  try {
    const account = await services.logIn.byPassword({ name, password }, ctx.ip);
    const isUser = account !== undefined && account.principal.robot === undefined;
    if (!isUser || !(await beginSession(ctx, services, account.principal.name))) {
      return refuse(401, 'Wrong user name or password.');
    }
  } catch (error) {
    if (!(error instanceof ProtocolError) || error.code !== 'TOOMANYREQUESTS') throw error;
    ctx.set(error.headers);
    return refuse(error.status, `There were ${error.message}.`);
  }
  return redirect(exchange, next);
};

/** Ends the session. */
export const logOut: WebHandler = async (exchange) => {
  await readForm(exchange.ctx, exchange.services, exchange.visitor);
  await endSession(exchange.ctx, exchange.services);
  return redirect(exchange, '/');
};

function logInPage(next: string, failed?: { readonly name: string; readonly message: string }): Page {
  const body = html`${failed !== undefined && html`<p class="bad" role="alert">${failed.message}</p>`}
<form class="stack" method="post" action="/login">
<input type="hidden" name="next" value="${next}">
<label>User name <input name="name" value="${failed?.name ?? ''}" autocomplete="username" autocapitalize="none" required autofocus></label>
<label>Password <input name="password" type="password" autocomplete="current-password" required></label>
<button class="main">Log in</button>
</form>`;
  return { title: 'Log in', body };
}

/** A path of this site; never of another one, to which a link could otherwise lead through our log-in. */
function ownPath(text: string | null): string {
  return text !== null && /^\/(?![/\\])[\w\-./:@%?=&+]{0,500}$/.test(text) ? text : '/';
}
