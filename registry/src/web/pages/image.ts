import type { Descriptor } from '@img/spec/descriptor';
import { isDigest } from '@img/spec/digest';
import type { ImageConfig } from '@img/spec/image-config';
import { formatPlatform } from '@img/spec/platform';
import { ProtocolError } from '@img/spec/protocol-error';
import type { RepositoryName } from '@img/spec/repository-name';
import { isTag } from '@img/spec/tag';
import { findManifest } from '../../metadata/manifests.ts';
import { listReferrers } from '../../metadata/referrers.ts';
import { repositorySource } from '../../server/repository-source.ts';
import { describeImage, type ImageDescription } from '../describe-image.ts';
import { shortDigest, sizeText } from '../format.ts';
import { type Html, html } from '../html.ts';
import type { Page } from '../layout.ts';
import { signedBy } from '../signed-by.ts';
import { hostOf, type WebExchange } from '../web-exchange.ts';
import { commands } from './commands.ts';
import { checkVisible } from './repository.ts';

const mostReferrers = 50;

/** One image, by tag (`name:tag`) or digest (`name@sha256:…`). */
export async function showImage(exchange: WebExchange, path: string): Promise<Page> {
  const { services } = exchange;
  // Names have neither "@" nor ":".
  const end = path.search(/[@:]/);
  const repository = await checkVisible(exchange, path.slice(0, end));
  const text = path.slice(end + 1);
  const tag = path[end] === ':' && isTag(text) ? text : undefined;
  const digest = path[end] === '@' && isDigest(text) ? text : undefined;
  const named = tag === undefined ? digest && { digest } : { tag };
  const stored = named && (await findManifest(services.database, repository, named));
  if (!stored) throw new ProtocolError('NAME_UNKNOWN', 'There is nothing here that you may see.');
  const image = await describeImage(repositorySource(services, repository), stored);
  const reference = `${repository}${path.slice(end)}`;
  const referrers = await listReferrers(services.database, {
    repository,
    subject: image.digest,
    limit: mostReferrers,
  });
  const body = html`${commands(`${hostOf(exchange)}/${reference}`)}
<dl>
<dt>Repository</dt><dd><a href="/r/${repository}">${repository}</a></dd>
<dt>Digest</dt><dd><code>${image.digest}</code></dd>
${tag !== undefined && html`<dt>History</dt><dd><a href="/r/${reference}?history">what ${tag} was before</a></dd>`}
<dt>Signed by</dt><dd>${await signedBy(services, { repository, tag, digest: image.digest })}</dd>
${facts(image)}
</dl>
${parts(image, repository)}
${referrers.length > 0 && list('Attached', referrers, repository)}`;
  return { title: reference, body };
}

function facts({ manifest, config, platforms, sizeBytes }: ImageDescription): Html {
  return html`<dt>Type</dt><dd><code>${manifest.artifactType ?? manifest.mediaType}</code></dd>
${sizeBytes !== undefined && html`<dt>Size</dt><dd>${sizeText(sizeBytes)}</dd>`}
${platforms.length > 0 && html`<dt>Platforms</dt><dd>${platforms.join(', ')}</dd>`}
${config !== undefined && execution(config)}`;
}

function execution({ created, config }: ImageConfig): Html {
  const words = [...config.entrypoint, ...config.cmd];
  const rows: readonly (readonly [name: string, values: readonly string[]])[] = [
    ['Made', created === undefined ? [] : [created]],
    ['Command', words.length === 0 ? [] : [JSON.stringify(words)]],
    ['User', config.user === '' ? [] : [config.user]],
    ['Folder', config.workingDir === '' ? [] : [config.workingDir]],
    ['Ports', config.exposedPorts],
    ['Environment', config.env],
    ['Labels', Object.entries(config.labels).map(([name, value]) => `${name}=${value}`)],
  ];
  return html`${rows.map(([name, values]) => {
    if (values.length === 0) return undefined;
    return html`<dt>${name}</dt><dd>${values.map((value) => html`<code>${value}</code><br>`)}</dd>`;
  })}`;
}

function parts({ manifest }: ImageDescription, repository: RepositoryName): Html {
  if (manifest.kind === 'index') return list('Images', manifest.manifests, repository);
  const rows = manifest.layers.map(
    ({ digest, mediaType, size }) => html`<tr><td><code>${shortDigest(digest)}</code></td>
<td class="number" data-label="Size">${sizeText(size)}</td>
<td data-label="Type"><code>${mediaType}</code></td></tr>`,
  );
  return html`<h2>Layers</h2>
${table(rows)}`;
}

function list(title: string, descriptors: readonly Descriptor[], repository: RepositoryName): Html {
  const rows = descriptors.map((descriptor) => {
    const { digest, size, artifactType, mediaType, platform } = descriptor;
    const type = platform === undefined ? (artifactType ?? mediaType) : formatPlatform(platform);
    return html`<tr><td><a href="/r/${repository}@${digest}"><code>${shortDigest(digest)}</code></a></td>
<td class="number" data-label="Size">${sizeText(size)}</td>
<td data-label="Type"><code>${type}</code></td></tr>`;
  });
  return html`<h2>${title}</h2>
${table(rows)}`;
}

function table(rows: readonly Html[]): Html {
  return html`<table>
<thead><tr><th scope="col">Digest</th><th scope="col" class="number">Size</th><th scope="col">Type</th></tr></thead>
<tbody>${rows}</tbody>
</table>`;
}
