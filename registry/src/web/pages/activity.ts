import type { RepositoryName } from '@img/spec/repository-name';
import { listEvents } from '../../metadata/accounts/events.ts';
import { listMoves } from '../../metadata/accounts/list-tagged.ts';
import { attachmentSubject } from '../../transfer/attachment-tag.ts';
import { shortDigest, timeHtml } from '../format.ts';
import { type Html, html } from '../html.ts';
import { redirect, type WebExchange, type WebHandler } from '../web-exchange.ts';

const most = 100;

type Entry = { readonly at: number; readonly actor: string; readonly what: Html };

/** What was pushed and removed where the visitor may pull and, for administrators, what was done to accounts. */
export const showActivity: WebHandler = async (exchange) => {
  const { services, visitor } = exchange;
  if (visitor.csrf === undefined) return redirect(exchange, '/login?next=/activity');
  const events = visitor.principal.isAdministrator ? await listEvents(services.database, most) : [];
  const entries: readonly Entry[] = [
    ...(await visibleMoves(exchange)),
    ...events.map(({ at, actor, action, subject }) => ({ at, actor, what: html`${action} ${subject}` })),
  ];
  const rows = entries
    .toSorted((a, b) => b.at - a.at)
    .slice(0, most)
    .map(({ at, actor, what }) => {
      return html`<tr><td>${timeHtml(at)}</td><td data-label="Who">${actor}</td><td>${what}</td></tr>`;
    });
  const body =
    rows.length === 0
      ? html`<p>Nothing has happened yet.</p>`
      : html`<table>
<thead><tr><th scope="col">When</th><th scope="col">Who</th><th scope="col">What</th></tr></thead>
<tbody>${rows}</tbody>
</table>`;
  return { title: 'Activity', body };
};

async function visibleMoves({ services, visitor }: WebExchange): Promise<readonly Entry[]> {
  const { policy, database } = services;
  const moves = await listMoves(database, most * 10);
  const names = [...new Set(moves.map(({ repository }) => repository))];
  const visible = new Set<RepositoryName>();
  for (const name of names) if (await policy.allows(visitor.principal, name, 'pull')) visible.add(name);
  return moves
    .filter(({ repository, tag }) => visible.has(repository) && attachmentSubject(tag) === undefined)
    .map(({ repository, tag, digest, actor, at }) => {
      const link = html`<a href="/r/${repository}:${tag}">${repository}:${tag}</a>`;
      const what =
        digest === null
          ? html`remove tag ${repository}:${tag}`
          : html`push ${link} <code>${shortDigest(digest)}</code>`;
      return { at, actor, what };
    });
}
