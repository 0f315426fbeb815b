import type { RepositoryName } from '@img/spec/repository-name';
import { findManifestHead } from '../../metadata/manifests.ts';
import { type Pointing, type PointResult, pointTag } from '../../metadata/point-tag.ts';
import type { TagMove } from '../../metadata/tags.ts';
import type { Services } from '../services.ts';
import { admitTags } from './admit-tags.ts';

/**
 * Points a tag at a manifest that the repository has, if the rule of the repository admits that.
 *
 * @throws ProtocolError as `admitTags` does
 */
export async function pointAdmittedTag(
  services: Services,
  repository: RepositoryName,
  pointing: Pointing,
  move: TagMove,
): Promise<PointResult> {
  const { tag, digest } = pointing;
  const head = await findManifestHead(services.database, repository, { digest });
  if (head === undefined) return { kind: 'unknown' };
  const descriptor = { mediaType: head.media_type, digest, size: head.size };
  try {
    return await admitTags(services, { repository, descriptor, tags: [tag] }, move, async (writer) => {
      const result = await pointTag(writer, repository, pointing, move);
      if (result.kind !== 'done') throw new NotPointed(result);
      return result;
    });
  } catch (error) {
    if (error instanceof NotPointed) return error.result;
    throw error;
  }
}

/** Ends the transaction, so that nothing is noted as admitted that was not written. */
class NotPointed extends Error {
  readonly result: PointResult;

  constructor(result: PointResult) {
    super('the tag was not written');
    this.result = result;
  }
}
