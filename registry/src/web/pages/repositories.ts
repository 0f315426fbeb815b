import { listVisible } from '../../accounts/visible-repositories.ts';
import { timeHtml } from '../format.ts';
import { type Html, html } from '../html.ts';
import type { WebHandler } from '../web-exchange.ts';

const perPage = 50;

/** The repositories that the visitor may pull, with a search. */
export const showRepositories: WebHandler = async ({ services, visitor, query }) => {
  const search = (query.get('search') ?? '').slice(0, 255);
  const after = (query.get('after') ?? '').slice(0, 255);
  const { principal } = visitor;
  const { repositories, next } = await listVisible(services, principal, { search, after, limit: perPage });
  const rows = await Promise.all(
    repositories.map(async ({ name, tags, pushed_at }) => {
      const isPublic = await services.policy.isPublic(name);
      return html`<tr><td><a href="/r/${name}">${name}</a></td>
<td><span class="mark">${isPublic ? 'public' : 'private'}</span></td>
<td class="number" data-label="Tags">${tags}</td>
<td data-label="Pushed">${pushed_at === null ? html`<span class="quiet">never</span>` : timeHtml(pushed_at)}</td></tr>`;
    }),
  );
  const body = html`<form class="row" method="get" action="/" role="search">
<input type="search" name="search" value="${search}" placeholder="part of a name" aria-label="Part of a name">
<button>Search</button>
</form>
${rows.length === 0 ? nothing(search, visitor.csrf !== undefined) : table(rows)}
${next !== undefined && html`<p><a href="/?${new URLSearchParams({ search, after: next }).toString()}">More</a></p>`}`;
  return { title: 'Repositories', body };
};

function table(rows: readonly Html[]): Html {
  return html`<table>
<thead><tr><th scope="col">Name</th><th scope="col">Visibility</th><th scope="col" class="number">Tags</th><th scope="col">Pushed</th></tr></thead>
<tbody>${rows}</tbody>
</table>`;
}

function nothing(search: string, isLoggedIn: boolean): Html {
  if (search !== '') return html`<p>No repository that you may see has <q>${search}</q> in its name.</p>`;
  if (isLoggedIn) return html`<p>There is no repository that you may see. Push an image to make one.</p>`;
  return html`<p>There is no public repository. <a href="/login">Log in</a> to see those of your organisations.</p>`;
}
