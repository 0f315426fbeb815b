import { ProtocolError } from '@img/spec/protocol-error';
import { deleteManifest, deleteTag } from '../../metadata/delete-manifest.ts';
import { findManifest, findManifestHead } from '../../metadata/manifests.ts';
import { type RepositoryExchange, referenceParameter } from '../exchange.ts';
import { answerEmpty, answerIfKnown } from '../http/answer.ts';
import { answerDeletion } from './deletion.ts';

/** `GET` and `HEAD /v2/<name>/manifests/<reference>`: as it was pushed, whatever Accept says. */
export async function getManifest({
  ctx,
  repository,
  parameter,
  services,
}: RepositoryExchange): Promise<void> {
  const reference = referenceParameter(parameter);
  const find = ctx.method === 'HEAD' ? findManifestHead : findManifest;
  const manifest = await find(services.database, repository, reference);
  if (manifest === undefined) throw new ProtocolError('MANIFEST_UNKNOWN', undefined, { detail: reference });
  if (answerIfKnown(ctx, manifest.digest, 'digest' in reference)) return;
  ctx.status = 200;
  if ('bytes' in manifest) ctx.body = Buffer.from(manifest.bytes as Uint8Array);
  ctx.set('Content-Type', manifest.media_type);
  ctx.length = manifest.size;
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
