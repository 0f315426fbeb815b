import { ProtocolError } from '@img/spec/protocol-error';
import { deleteManifest, deleteTag } from '../../metadata/delete-manifest.ts';
import { findManifest, findManifestHead, type ManifestHead, noteLeft } from '../../metadata/manifests.ts';
import { type RepositoryExchange, referenceParameter } from '../exchange.ts';
import { answerEmpty, answerIfKnown } from '../http/answer.ts';
import { answerDeletion } from './deletion.ts';

/** `GET` and `HEAD /v2/<name>/manifests/<reference>`: as it was pushed, whatever Accept says. */
export async function getManifest(exchange: RepositoryExchange): Promise<void> {
  const { ctx, repository, parameter, services } = exchange;
  const reference = referenceParameter(parameter);
  const find = ctx.method === 'HEAD' ? findManifestHead : findManifest;
  const manifest = await find(services.database, repository, reference);
  if (manifest === undefined || !(await isKept(exchange, manifest))) {
    throw new ProtocolError('MANIFEST_UNKNOWN', undefined, { detail: reference });
  }
  if (answerIfKnown(ctx, manifest.digest, 'digest' in reference)) return;
  if (ctx.method === 'GET') services.pulls.note(manifest);
  ctx.status = 200;
  if ('bytes' in manifest) ctx.body = Buffer.from(manifest.bytes as Uint8Array);
  ctx.set('Content-Type', manifest.media_type);
  ctx.length = manifest.size;
}

/**
 * Whoever may push, asks with HEAD and hears that the manifest is there won't push it, but perhaps an index that
 * lists it: the promise and the answer are one transaction, as for blobs.
 */
async function isKept(
  { ctx, repository, caller, services }: RepositoryExchange,
  { id, left_at }: ManifestHead,
): Promise<boolean> {
  const { database, clock, limits } = services;
  const now = clock();
  const isDueSoon = left_at < now - limits.unneededMs / 2;
  if (ctx.method !== 'HEAD' || !isDueSoon || !(await caller.allows(repository, 'push'))) return true;
  return database.transaction((writer) => noteLeft(writer, id, now));
}

/** `DELETE /v2/<name>/manifests/<reference>`: a tag alone, or a manifest with its tags. */
export async function removeManifest(exchange: RepositoryExchange): Promise<void> {
  const { ctx, repository, parameter, caller, services } = exchange;
  const reference = referenceParameter(parameter);
  const { database, clock, limits } = services;
  const move = { actor: caller.name, now: clock() };
  if ('digest' in reference) {
    const deletion = await database.transaction((writer) => {
      const reviewAt = move.now + limits.unneededMs;
      return deleteManifest(writer, repository, reference.digest, { ...move, reviewAt });
    });
    answerDeletion(ctx, deletion, 'MANIFEST_UNKNOWN', reference.digest);
    return;
  }
  const isDeleted = await database.transaction((writer) =>
    deleteTag(writer, repository, reference.tag, move),
  );
  if (!isDeleted) throw new ProtocolError('MANIFEST_UNKNOWN', undefined, { detail: reference });
  answerEmpty(ctx, 202);
}
