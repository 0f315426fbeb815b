import type { Digest } from '@img/spec/digest';
import { ProtocolError } from '@img/spec/protocol-error';
import type { RouteId } from '@img/spec/routes';
import { findBlob } from '../../metadata/blobs.ts';
import { findRepository } from '../../metadata/repositories.ts';
import { writeTo } from '../../storage/write-to.ts';
import { digestParameter, type Handler, type RepositoryExchange, referenceParameter } from '../exchange.ts';
import { answerBlob, unknownBlob } from '../handlers/blob.ts';
import { answerJson } from '../http/answer.ts';
import { linkNextPage, readPage } from '../http/page.ts';
import { describeBlob, downloadBlob } from './bring-blob.ts';
import { bringManifest } from './bring-manifest.ts';
import { bringReferrers } from './bring-referrers.ts';
import { bringTag } from './bring-tag.ts';
import { type CachedRepository, deadlineOf, type Stale } from './cached-repository.ts';
import { storeImage } from './store-image.ts';
import { unlessUpstreamFails } from './unless-upstream-fails.ts';
import type { Upstream } from './upstream.ts';

/**
 * Answers a request about a repository that is a copy: brings what is asked for, then lets the handler answer from what
 * is here. A copy is changed upstream and nowhere else; what is here may be deleted, and comes again when it is wanted.
 *
 * @throws ProtocolError UNSUPPORTED for a push
 */
export async function answerFromCache(
  exchange: RepositoryExchange,
  upstream: Upstream,
  { id, handler }: { readonly id: RouteId; readonly handler: Handler<RepositoryExchange> },
): Promise<void> {
  const { ctx, repository: name, services } = exchange;
  const copy: CachedRepository = { name, upstream, remote: upstream.repository(name), services };
  const isReading = ctx.method === 'GET' || ctx.method === 'HEAD';
  if (!isReading && ctx.method !== 'DELETE') throw refusedPush(copy);
  if (isReading && id === 'manifest') await bringReference(exchange, copy);
  if (isReading && id === 'blob') return answerBlobOf(exchange, copy, handler);
  if (id === 'tags') return answerTags(exchange, copy, handler);
  if (id === 'referrers') warn(exchange, await bringReferrers(copy, digestParameter(exchange.parameter)));
  await handler(exchange);
}

function refusedPush({ name, remote }: CachedRepository): ProtocolError {
  return new ProtocolError('UNSUPPORTED', `${name} is a copy of ${remote.name}: push there`, {
    headers: { Allow: 'GET, HEAD, DELETE' },
  });
}

async function bringReference(exchange: RepositoryExchange, copy: CachedRepository): Promise<void> {
  const reference = referenceParameter(exchange.parameter);
  if ('digest' in reference) await bringManifest(copy, reference.digest, storeImage);
  else warn(exchange, await bringTag(copy, reference.tag, storeImage));
}

/** A blob from here if it is here; else as it comes. */
async function answerBlobOf(
  exchange: RepositoryExchange,
  copy: CachedRepository,
  handler: Handler<RepositoryExchange>,
): Promise<void> {
  const digest = digestParameter(exchange.parameter);
  for (;;) {
    if ((await findBlob(copy.services.database, copy.name, digest)) !== undefined) return handler(exchange);
    if (exchange.ctx.method === 'HEAD') return answerSize(exchange, copy, digest);
    const found = await asked(copy, digest, () => downloadBlob(copy, digest));
    if (found === undefined) throw unknownBlob(digest);
    await using reader = found === 'here' ? undefined : found.claim();
    if (found === 'here' || reader === undefined) continue;
    return await answerBlob(exchange, {
      ...found.descriptor,
      send: async (sink, range) => {
        for await (const chunk of reader.read(range)) await writeTo(sink, chunk);
      },
    });
  }
}

async function answerSize(
  exchange: RepositoryExchange,
  copy: CachedRepository,
  digest: Digest,
): Promise<void> {
  const descriptor = await asked(copy, digest, () => describeBlob(copy, digest));
  if (descriptor === undefined) throw unknownBlob(digest);
  await answerBlob(exchange, { ...descriptor, send: () => Promise.resolve() });
}

/** What the upstream answers about a blob that isn't here. */
async function asked<T>(
  copy: CachedRepository,
  reference: Digest,
  ask: () => Promise<T>,
): Promise<T | undefined> {
  let answer: T | undefined;
  await unlessUpstreamFails(copy, { reference, isHere: false }, async () => {
    answer = await ask();
  });
  return answer;
}

/** All tags of the upstream, whether they are here or not; those that are here if it does not answer. */
async function answerTags(
  exchange: RepositoryExchange,
  copy: CachedRepository,
  handler: Handler<RepositoryExchange>,
): Promise<void> {
  const { ctx, query, repository, services } = exchange;
  const { limit, after } = readPage(query);
  const isHere = (await findRepository(services.database, repository)) !== undefined;
  let tags: readonly string[] = [];
  const stale = await unlessUpstreamFails(copy, { reference: 'tags', isHere }, async () => {
    tags = await services.cache.shared.run(`tags ${repository} ${limit} ${after}`, () => {
      return firstTags(copy, { after, limit: limit + 1 });
    });
  });
  warn(exchange, stale);
  if (stale !== undefined || (tags.length === 0 && after === '')) return handler(exchange);
  const page = tags.slice(0, limit);
  const last = page.at(-1);
  if (tags.length > limit && last !== undefined) linkNextPage(ctx, query, last);
  answerJson(ctx, { name: repository, tags: page });
}

/** The first tags behind one, in byte order as the specification demands it of the upstream. */
async function firstTags(
  copy: CachedRepository,
  { after, limit }: { readonly after: string; readonly limit: number },
): Promise<readonly string[]> {
  const tags: string[] = [];
  const options = { signal: deadlineOf(copy), ...(after === '' ? {} : { after }) };
  for await (const tag of copy.remote.listTags(options)) {
    if (tags.length === limit) break;
    // Some registries begin at the beginning whatever they are asked.
    if (tag > after) tags.push(tag);
  }
  return tags;
}

/** Says that an answer may be older than what the upstream has (RFC 9111 section 5.5 had this header, OCI has it). */
function warn({ ctx }: RepositoryExchange, stale: Stale | undefined): void {
  if (stale !== undefined) ctx.set('Warning', `299 - "${stale.reason}"`);
}
