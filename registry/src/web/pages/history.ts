import { isDigest } from '@img/spec/digest';
import { ProtocolError } from '@img/spec/protocol-error';
import type { RepositoryName } from '@img/spec/repository-name';
import { isTag, type Tag } from '@img/spec/tag';
import { repositoryName } from '../../accounts/api-exchange.ts';
import { findRepository } from '../../metadata/repositories.ts';
import { listTagHistory, type TagHistoryEntry } from '../../metadata/tags.ts';
import { pointAdmittedTag } from '../../server/admission/point-admitted-tag.ts';
import { readForm } from '../form.ts';
import { shortDigest, timeHtml } from '../format.ts';
import { type Html, html } from '../html.ts';
import { csrfField, type Page } from '../layout.ts';
import { redirect, type WebExchange, type WebHandler } from '../web-exchange.ts';
import { checkVisible } from './repository.ts';

const mostMoves = 100;

/** What a tag pointed at (`name:tag?history`), with a button for whoever may point it there again. */
export async function showHistory(exchange: WebExchange, path: string): Promise<Page> {
  const { services, visitor } = exchange;
  const [name = '', text = ''] = path.split(':');
  const repository = await checkVisible(exchange, name);
  const moves = await movesOf(exchange, repository, text);
  const mayRestore =
    visitor.csrf !== undefined && (await services.policy.allows(visitor.principal, repository, 'push'));
  const rows = moves.map((move, index) => {
    const isOffered = mayRestore && move.is_stored === 1 && move.digest !== moves[0]?.digest;
    return html`<tr><td>${timeHtml(move.at)}</td><td data-label="Who">${move.actor}</td>
<td data-label="Image">${imageCell(repository, move)}${index === 0 && html` <span class="mark">now</span>`}</td>
<td>${isOffered && restoreForm(exchange, `${repository}:${text}`, move)}</td></tr>`;
  });
  const body = html`<p><a href="/r/${repository}">${repository}</a></p>
<table>
<thead><tr><th scope="col">When</th><th scope="col">Who</th><th scope="col">Image</th><th scope="col"></th></tr></thead>
<tbody>${rows}</tbody>
</table>`;
  return { title: `History of ${repository}:${text}`, body };
}

/** Takes the form that points a tag at what it was before. */
export const restoreTag: WebHandler = async (exchange) => {
  const { ctx, services, visitor } = exchange;
  if (visitor.csrf === undefined) throw new ProtocolError('DENIED', 'Log in first.');
  const form = await readForm(ctx, services, visitor);
  const [name = '', tag = ''] = (form.get('reference') ?? '').split(':');
  const repository = repositoryName(name);
  const { principal } = visitor;
  if (!(await services.policy.allows(principal, repository, 'push'))) throw new ProtocolError('DENIED');
  const digest = form.get('digest') ?? '';
  if (!isTag(tag) || !isDigest(digest)) throw new ProtocolError('UNSUPPORTED', 'The form is incomplete.');
  const move = { actor: principal.name, now: services.clock() };
  const result = await pointAdmittedTag(services, repository, { tag, digest, current: undefined }, move);
  if (result.kind === 'unknown') throw new ProtocolError('NAME_UNKNOWN', 'The image is not here any more.');
  return redirect(exchange, `/r/${repository}:${tag}?history`);
};

/** @throws ProtocolError NAME_UNKNOWN */
async function movesOf(
  { services }: WebExchange,
  repository: RepositoryName,
  text: string,
): Promise<readonly TagHistoryEntry[]> {
  const id = await findRepository(services.database, repository);
  const moves =
    id === undefined || !isTag(text)
      ? []
      : await listTagHistory(services.database, id, text satisfies Tag, mostMoves);
  if (moves.length > 0) return moves;
  throw new ProtocolError('NAME_UNKNOWN', 'There is nothing here that you may see.');
}

function imageCell(repository: RepositoryName, { digest, is_stored }: TagHistoryEntry): Html {
  if (digest === null) return html`removed`;
  const code = html`<code>${shortDigest(digest)}</code>`;
  return is_stored === 1
    ? html`<a href="/r/${repository}@${digest}">${code}</a>`
    : html`${code}, not stored any more`;
}

function restoreForm({ visitor }: WebExchange, reference: string, { digest }: TagHistoryEntry): Html {
  return html`<form class="inline" method="post" action="/restore">${csrfField(visitor.csrf ?? '')}
<input type="hidden" name="reference" value="${reference}"><input type="hidden" name="digest" value="${digest ?? ''}">
<button>Restore</button></form>`;
}
