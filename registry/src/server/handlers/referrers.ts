import type { Descriptor } from '@img/spec/descriptor';
import { limits } from '@img/spec/limits';
import { descriptorJson } from '@img/spec/manifest';
import { mediaTypes } from '@img/spec/media-types';
import { listReferrers } from '../../metadata/referrers.ts';
import { digestParameter, type RepositoryExchange } from '../exchange.ts';
import { answerJson } from '../http/answer.ts';
import { linkNextPage, readPage } from '../http/page.ts';

/** Referrers in one answer at most; an answer is a manifest, so it must also stay below the size of one. */
const mostReferrers = 1000;
const mostBytes = limits.manifestBytes - 1024;

/**
 * `GET /v2/<name>/referrers/<digest>` (distribution-spec, "Listing Referrers"). Never 404, whatever doesn't exist:
 * clients would take that for a registry without the API.
 */
export async function getReferrers(exchange: RepositoryExchange): Promise<void> {
  const { ctx, query, repository, parameter, services } = exchange;
  const subject = digestParameter(parameter);
  // Media types have no spaces: this one is a plus that the client didn't encode.
  const artifactType = query.get('artifactType')?.replaceAll(' ', '+') || undefined;
  const { limit, after } = readPage(query, mostReferrers);
  const found = await listReferrers(services.database, {
    repository,
    subject,
    artifactType,
    after,
    limit: limit + 1,
  });
  const page = fitting(found.slice(0, limit));
  const last = page.at(-1);
  if (found.length > page.length && last !== undefined) {
    if (artifactType !== undefined) query.set('artifactType', artifactType);
    linkNextPage(ctx, query, last.digest);
  }
  if (artifactType !== undefined) ctx.set('OCI-Filters-Applied', 'artifactType');
  const manifests = page.map(descriptorJson);
  answerJson(ctx, { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests }, mediaTypes.ociIndex);
}

/** As many of the descriptors as fit into an answer; the first one always. */
function fitting(descriptors: readonly Descriptor[]): readonly Descriptor[] {
  let bytes = 0;
  const beyond = descriptors.findIndex((descriptor, index) => {
    bytes += Buffer.byteLength(JSON.stringify(descriptor)) + 1;
    return index > 0 && bytes > mostBytes;
  });
  return beyond < 0 ? descriptors : descriptors.slice(0, beyond);
}
