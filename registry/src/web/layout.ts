import { type Html, html } from './html.ts';
import type { Visitor } from './visitor.ts';

export type Page = { readonly title: string; readonly body: Html };

/** A whole document around the content of a page. */
export function documentOf({ title, body }: Page, visitor: Visitor): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title} – img registry</title>
<link rel="icon" href="/favicon.svg">
<link rel="stylesheet" href="/style.css">
</head>
<body>
<header>
<a class="home" href="/">img</a>
<nav><a href="/">Repositories</a>${visitor.csrf !== undefined && html` · <a href="/activity">Activity</a>`}</nav>
<div class="who">${who(visitor)}</div>
</header>
<main>
<h1>${title}</h1>
${body}
</main>
</body>
</html>
`.text;
}

function who({ principal, csrf }: Visitor): Html {
  if (csrf === undefined) return html`<a href="/login">Log in</a>`;
  return html`<span>${principal.name}</span>
<form class="inline" method="post" action="/logout">${csrfField(csrf)}<button>Log out</button></form>`;
}

/** What tells our own forms from those of other sites. */
export function csrfField(csrf: string): Html {
  return html`<input type="hidden" name="csrf" value="${csrf}">`;
}
