import { spdxDocument } from '@img/builder/inventory/bill-of-materials';
import { readProvenance } from '@img/builder/provenance/provenance-file';
import type {
  ContentSource,
  ContentTarget,
  ManifestContent,
  RepositoryLocation,
} from '@img/registry/transfer/content';
import type { Host } from '@img/runtime/host';
import { signAttestation } from '@img/sign/attestation';
import { predicateTypeFor, provenanceType } from '@img/sign/predicate-type';
import type { Signer } from '@img/sign/signer';
import type { UnixTime } from '@img/sign/unix-time';
import { type Manifest, parseManifest } from '@img/spec/manifest';
import { formatPlatform } from '@img/spec/platform';
import type { Session } from '../command.ts';
import { imageInventory } from '../host/image-inventory.ts';
import { shortName } from '../host/short-name.ts';
import { version } from '../version.ts';
import { storeSigned } from './sign-tags.ts';

export type AttestContentsRequest = {
  readonly location: RepositoryLocation;
  /** The manifest or index of the image. */
  readonly content: ManifestContent;
  readonly place: ContentSource & ContentTarget;
  readonly signer: Signer;
  readonly created: UnixTime;
};

/**
 * States what is in an image, in SPDX, and how it was built, where that is known, and stores both beside it; of an
 * index for each image that is here.
 *
 * @returns how many images it was stated of
 */
export async function attestContents(
  session: Session,
  host: Host,
  { location, content, place, signer, created }: AttestContentsRequest,
): Promise<number> {
  const { config, output, signal } = session;
  const text = shortName({ ...location, digest: content.descriptor.digest }, config);
  const name = `${location.registry}/${location.repository}`;
  const tool = { name: 'img', version };
  let count = 0;
  for (const platform of platformsOf(parseManifest(content.bytes, content.descriptor.mediaType))) {
    const image = await imageInventory(session, host, text, { platform });
    const subject = (await place.getManifest(image.digest, { signal }))?.descriptor;
    if (subject === undefined) continue;
    const document = spdxDocument({ ...image, name, created: image.config.created, tool });
    const made = await readProvenance(config.cacheFolder, image.digest);
    const predicates = [
      new TextEncoder().encode(JSON.stringify(document)),
      ...(made === undefined ? [] : [made]),
    ];
    for (const [index, predicate] of predicates.entries()) {
      const predicateType = index === 0 ? predicateTypeFor('spdx', document) : provenanceType;
      const signed = await signAttestation(signer, { subject, name, predicateType, predicate, created });
      await storeSigned(signed, place, { signal });
    }
    if (made === undefined)
      output.story(
        `it is not stated how ${image.digest} was built: that was not here, or the cache was removed`,
      );
    count += 1;
  }
  return count;
}

/** The platforms of an index; for a single image the one that it has. */
function platformsOf(manifest: Manifest): readonly (string | undefined)[] {
  if (manifest.kind === 'manifest') return [undefined];
  return manifest.manifests.flatMap(({ platform }) =>
    platform === undefined ? [] : [formatPlatform(platform)],
  );
}
