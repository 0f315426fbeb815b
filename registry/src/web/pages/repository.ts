import { ProtocolError } from '@img/spec/protocol-error';
import { isRepositoryName, type RepositoryName } from '@img/spec/repository-name';
import { possibleOwners } from '../../accounts/account-names.ts';
import { change, repositoryName } from '../../accounts/api-exchange.ts';
import { listTagged, type TaggedDigest } from '../../metadata/accounts/list-tagged.ts';
import { setPublic } from '../../metadata/accounts/public-repositories.ts';
import { findManifest } from '../../metadata/manifests.ts';
import { findRepository } from '../../metadata/repositories.ts';
import { repositorySource } from '../../server/repository-source.ts';
import { describeImage } from '../describe-image.ts';
import { readForm } from '../form.ts';
import { shortDigest, sizeText, timeHtml } from '../format.ts';
import { type Html, html } from '../html.ts';
import { csrfField, type Page } from '../layout.ts';
import { signedBy } from '../signed-by.ts';
import { tagRule } from '../tag-rule.ts';
import { hostOf, redirect, type WebExchange, type WebHandler } from '../web-exchange.ts';
import { commands } from './commands.ts';
import { logPagePath, visibleLogOf } from './log.ts';

const perPage = 25;

/** @throws ProtocolError NAME_UNKNOWN, alike for what is not there and for what the visitor may not see */
export async function checkVisible(
  { services, visitor }: WebExchange,
  repository: string,
): Promise<RepositoryName> {
  const isVisible =
    isRepositoryName(repository) &&
    (await services.policy.allows(visitor.principal, repository, 'pull')) &&
    (await findRepository(services.database, repository)) !== undefined;
  if (isVisible) return repository as RepositoryName;
  throw new ProtocolError('NAME_UNKNOWN', 'There is nothing here that you may see.');
}

/** A repository with its tags. */
export async function showRepository(exchange: WebExchange, path: string): Promise<Page> {
  const { services, query } = exchange;
  const repository = await checkVisible(exchange, path);
  const skip = Math.min(Number(/^\d{1,6}$/.exec(query.get('skip') ?? '')?.[0] ?? 0), 100_000);
  const found = await listTagged(services.database, repository, { skip, limit: perPage + 1 });
  const tagged = found.slice(0, perPage);
  const rows: Html[] = [];
  // One after the other: manifests and signatures may be large, and are only here while their row is made.
  for (const one of tagged) rows.push(await tagRow(exchange, repository, one));
  const [newest] = tagged;
  const body = html`${await visibility(exchange, repository)}
${newest !== undefined && skip === 0 && commands(`${hostOf(exchange)}/${repository}:${newest.tag}`)}
<h2>Tags</h2>
${await tagRule(services, repository)}
${await logLine(exchange, repository)}
${rows.length === 0 ? html`<p>There is no tag.</p>` : table(rows)}
${found.length > perPage && html`<p><a href="/r/${repository}?skip=${skip + perPage}">Older</a></p>`}`;
  return { title: repository, body };
}

/** Where it can be seen what was signed for the repository. */
async function logLine(exchange: WebExchange, repository: RepositoryName): Promise<Html | undefined> {
  const log = await visibleLogOf(exchange, possibleOwners(repository));
  if (log === undefined) return undefined;
  return html`<p>What is signed is in the <a href="${logPagePath(log.namespace)}">log of ${log.namespace}</a>.</p>`;
}

async function tagRow(
  { services }: WebExchange,
  repository: RepositoryName,
  { tag, digest, updated_at, pulled_at }: TaggedDigest,
): Promise<Html> {
  const stored = await findManifest(services.database, repository, { digest });
  const image = stored && (await describeImage(repositorySource(services, repository), stored));
  const { platforms = [], sizeBytes } = image ?? {};
  return html`<tr><td><a href="/r/${repository}:${tag}">${tag}</a></td>
<td data-label="Digest"><code>${shortDigest(digest)}</code></td>
<td class="number" data-label="Size">${sizeBytes === undefined ? '–' : sizeText(sizeBytes)}</td>
<td data-label="Platforms">${platforms.length === 0 ? '–' : platforms.join(', ')}</td>
<td data-label="Pushed">${timeHtml(updated_at)}</td>
<td data-label="Pulled">${pulled_at === null ? '–' : timeHtml(pulled_at)}</td>
<td data-label="Signed by">${await signedBy(services, { repository, tag, digest })}</td></tr>`;
}

function table(rows: readonly Html[]): Html {
  const titles = ['Tag', 'Digest', 'Size', 'Platforms', 'Pushed', 'Pulled', 'Signed by'].map((title) => {
    return html`<th scope="col"${title === 'Size' && html` class="number"`}>${title}</th>`;
  });
  return html`<table>
<thead><tr>${titles}</tr></thead>
<tbody>${rows}</tbody>
</table>`;
}

async function visibility({ services, visitor }: WebExchange, repository: RepositoryName): Promise<Html> {
  const isPublic = await services.policy.isPublic(repository);
  const state = html`<span class="mark">${isPublic ? 'public' : 'private'}</span>`;
  const { csrf, principal } = visitor;
  const mayChange = csrf !== undefined && (await services.policy.roleFor(principal, repository)) === 'admin';
  if (!mayChange) return html`<p>${state}</p>`;
  return html`<form class="row" method="post" action="/visibility">${state}
${csrfField(csrf)}<input type="hidden" name="repository" value="${repository}">
<button name="visibility" value="${isPublic ? 'private' : 'public'}">${isPublic ? 'Make private' : 'Make public'}</button>
</form>`;
}

/** Takes the form that makes a repository public or private. */
export const setVisibility: WebHandler = async (exchange) => {
  const { ctx, services, visitor } = exchange;
  if (visitor.csrf === undefined) throw new ProtocolError('DENIED', 'Log in first.');
  const form = await readForm(ctx, services, visitor);
  const repository = repositoryName(form.get('repository') ?? '');
  const { principal } = visitor;
  if ((await services.policy.roleFor(principal, repository)) !== 'admin') throw new ProtocolError('DENIED');
  const isOpen = form.get('visibility') === 'public';
  const action = isOpen ? 'open to everybody' : 'close to the public';
  await change({ services, principal }, { action, subject: repository }, (writer, now) =>
    setPublic(writer, repository, isOpen, now),
  );
  return redirect(exchange, `/r/${repository}`);
};
