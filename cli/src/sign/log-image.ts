import { attachedBundles } from '@img/registry/transfer/collect-evidence';
import type { RepositoryLocation } from '@img/registry/transfer/content';
import type { Trust } from '@img/runtime/trust/decide';
import { manifestsToSign } from '@img/sign/sign-image';
import type { Descriptor } from '@img/spec/descriptor';
import { parseManifest } from '@img/spec/manifest';
import type { Session } from '../command.ts';
import type { SignedPlace } from './signed-place.ts';

export type ImageToLog = {
  readonly location: RepositoryLocation;
  /** Where the image and its signatures are. */
  readonly place: SignedPlace;
  readonly descriptor: Descriptor;
  readonly trust: Pick<Trust, 'policy'>;
};

/**
 * Adds the signatures of an image, and of all of its platforms, to the log of its registry, as far as they have no proof
 * of it yet.
 *
 * @returns how many were added; undefined if there are no signatures, or the registry has no log for them
 */
export async function logImage(
  session: Session,
  { location, place, descriptor, trust }: ImageToLog,
): Promise<number | undefined> {
  const { signal } = session;
  const content = await place.getManifest(descriptor.digest, { signal });
  if (content === undefined) return undefined;
  const all = manifestsToSign(descriptor, parseManifest(content.bytes, content.descriptor.mediaType));
  const signed: Descriptor[] = [];
  for (const each of all) {
    if ((await attachedBundles(place, each.digest, { signal })).length > 0) signed.push(each);
  }
  // Most images that are pushed are not signed yet: then nobody has to be asked.
  if (signed.length === 0) return undefined;
  const { addToLog } = await import('./add-to-log.ts');
  return await addToLog(session, signed, { location, place, trust });
}
