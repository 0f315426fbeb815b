import type { Identity } from '@img/sign/identity';
import { formatNoteKey, parseNoteKey } from '@img/sign/log/note-key';
import { type ReadEntry, readEntry } from '@img/sign/log/read-entry';
import type { TrustPolicy } from '@img/sign/trust-policy';
import { ProtocolError } from '@img/spec/protocol-error';
import { isOrganisationName, type OrganisationName } from '../../accounts/account-names.ts';
import { readLogSigner } from '../../log/log-key.ts';
import { proveEntry } from '../../log/prove-entry.ts';
import { listEntries } from '../../metadata/log/entries.ts';
import { findLog, type LogRow, listWitnesses } from '../../metadata/log/logs.ts';
import { findAdmissionPolicy } from '../../server/admission/admission-policy.ts';
import type { Services } from '../../server/services.ts';
import { shortDigest, timeHtml } from '../format.ts';
import { type Html, html } from '../html.ts';
import type { Page } from '../layout.ts';
import type { WebExchange } from '../web-exchange.ts';

const perPage = 25;

/** The path of the page of a log. */
export function logPagePath(namespace: string): string {
  return `/l/${namespace}`;
}

/** What a log has: its checkpoint and its newest entries, or, with `?entry=`, one of them with its proof. */
export async function showLog(exchange: WebExchange, path: string): Promise<Page> {
  const log = await visibleLog(exchange, path);
  const wanted = exchange.query.get('entry');
  return wanted === null ? await showEntries(exchange, log) : await showEntry(exchange, log, wanted);
}

/** The log with the longest of the names, if the visitor may see it. */
export async function visibleLogOf(
  { services, visitor }: WebExchange,
  names: readonly OrganisationName[],
): Promise<LogRow | undefined> {
  const log = await findLog(services.database, names);
  if (log === undefined || log.isPublic) return log;
  return (await services.policy.roleIn(visitor.principal, log.namespace)) === undefined ? undefined : log;
}

/** @throws ProtocolError NAME_UNKNOWN, alike for what is not there and for what the visitor may not see */
async function visibleLog(exchange: WebExchange, path: string): Promise<LogRow> {
  const log = isOrganisationName(path) ? await visibleLogOf(exchange, [path]) : undefined;
  if (log !== undefined) return log;
  throw new ProtocolError('NAME_UNKNOWN', 'There is nothing here that you may see.');
}

async function showEntries({ services, query }: WebExchange, log: LogRow): Promise<Page> {
  const end = Math.min(log.published, indexFrom(query.get('before')) ?? log.published);
  const begin = Math.max(0, end - perPage);
  const entries = await listEntries(services.database, log.id, { begin, end });
  const policies = await policiesFor(services, log);
  const rows = entries.map((entry, at) => row(log, readBy(policies, begin + at, entry))).toReversed();
  const body = html`${await facts(services, log)}
<h2>Entries</h2>
${rows.length === 0 ? html`<p>There is no entry.</p>` : table(rows)}
${begin > 0 && html`<p><a href="${logPagePath(log.namespace)}?before=${begin}">Older</a></p>`}
<h2>Checkpoint</h2>
<pre>${log.checkpoint}</pre>`;
  return { title: `Log of ${log.namespace}`, body };
}

async function showEntry({ services }: WebExchange, log: LogRow, text: string): Promise<Page> {
  const index = indexFrom(text);
  const isThere = index !== undefined && index < log.published;
  const [entry] = isThere
    ? await listEntries(services.database, log.id, { begin: index, end: index + 1 })
    : [];
  if (index === undefined || entry === undefined) {
    throw new ProtocolError('NAME_UNKNOWN', 'The log has no such entry.');
  }
  const { read, identity } = readBy(await policiesFor(services, log), index, entry);
  const { digest, issued, expires } = read.statement ?? {};
  const body = html`<p><a href="${logPagePath(log.namespace)}">Log of ${log.namespace}</a></p>
<dl>
<dt>Image</dt><dd>${imageOf(read)}</dd>
${digest !== undefined && html`<dt>Digest</dt><dd><code>${digest}</code></dd>`}
${issued !== undefined && html`<dt>Signed</dt><dd>${timeHtml(issued * 1000)}</dd>`}
${read.statement !== undefined && html`<dt>Expires</dt><dd>${expires === undefined ? 'never' : timeHtml(expires * 1000)}</dd>`}
<dt>Signed by</dt><dd>${signerOf(read, identity)}</dd>
${read.keyHint !== '' && html`<dt>Key</dt><dd><code>${read.keyHint}</code></dd>`}
</dl>
<h2>Proof</h2>
<p>That the log has this entry, for whoever knows the key of the log: <a href="https://c2sp.org/tlog-proof">c2sp.org/tlog-proof</a>.</p>
<pre>${await proveEntry(services.database, log, index)}</pre>`;
  return { title: `Entry ${index} of the log of ${log.namespace}`, body };
}

async function facts({ database }: Services, log: LogRow): Promise<Html> {
  const { key } = await readLogSigner(database, log);
  const witnesses = (await listWitnesses(database, log.id)).map(({ witness }) => parseNoteKey(witness).name);
  return html`<p><span class="mark">${log.isPublic ? 'public' : 'private'}</span></p>
<dl>
<dt>Entries</dt><dd>${log.published}</dd>
<dt>Key</dt><dd><code>${formatNoteKey(key)}</code></dd>
<dt>Witnesses</dt><dd>${witnesses.length === 0 ? 'none' : witnesses.join(', ')}</dd>
</dl>`;
}

type EntryBy = { readonly read: ReadEntry; readonly identity: Identity | undefined };

/** By whose keys the signer of an entry is known: those of the organisation's rule, and those of the keyring. */
async function policiesFor(services: Services, { namespace }: LogRow): Promise<readonly TrustPolicy[]> {
  const rule = await findAdmissionPolicy(services.database, namespace);
  return [rule?.policy, services.trust].filter((policy) => policy !== undefined);
}

function readBy(policies: readonly TrustPolicy[], index: number, entry: Uint8Array): EntryBy {
  const known = policies.flatMap(({ identities }) => [...identities.values()]);
  const read = readEntry(
    index,
    entry,
    known.flatMap(({ keys }) => keys),
  );
  const { key } = read;
  return { read, identity: key && known.find(({ keys }) => keys.includes(key)) };
}

function row({ namespace }: LogRow, { read, identity }: EntryBy): Html {
  const { digest, issued } = read.statement ?? {};
  return html`<tr><td><a href="${logPagePath(namespace)}?entry=${read.index}">${read.index}</a></td>
<td data-label="Image">${imageOf(read)}</td>
<td data-label="Digest">${digest === undefined ? '–' : html`<code>${shortDigest(digest)}</code>`}</td>
<td data-label="Signed">${issued === undefined ? '–' : timeHtml(issued * 1000)}</td>
<td data-label="Signed by">${signerOf(read, identity)}</td></tr>`;
}

function imageOf({ statement }: ReadEntry): Html {
  const { repository, tag, sequence } = statement ?? {};
  if (repository === undefined) return html`<span class="quiet">nothing that can be read</span>`;
  return html`${repository}${tag !== undefined && `:${tag}`}${sequence !== undefined && html` <span class="quiet">#${sequence}</span>`}`;
}

/** A name is shown for a signature that was verified only; whoever may push can name any key. */
function signerOf({ keyHint }: ReadEntry, identity: Identity | undefined): Html {
  if (identity !== undefined) return html`<span class="good">${identity.name}</span>`;
  return html`<span class="quiet">${keyHint === '' ? 'nobody known' : 'a key that is not known here'}</span>`;
}

function table(rows: readonly Html[]): Html {
  const titles = ['Entry', 'Image', 'Digest', 'Signed', 'Signed by'];
  return html`<table>
<thead><tr>${titles.map((title) => html`<th scope="col">${title}</th>`)}</tr></thead>
<tbody>${rows}</tbody>
</table>`;
}

function indexFrom(text: string | null): number | undefined {
  return text !== null && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}
