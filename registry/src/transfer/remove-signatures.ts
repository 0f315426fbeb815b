import type { Evidence } from '@img/sign/evidence';
import { removeSignatureLayers, type SignatureLayer, signatureTag } from '@img/sign/signature-manifest';
import type { Digest } from '@img/spec/digest';
import { attachedBundles, readSmall } from './collect-evidence.ts';
import type { ContentOptions, ContentSource, ContentTarget, ReferrerRemover } from './content.ts';
import { changeSignatures } from './put-signatures.ts';

/**
 * Takes signatures of a digest back, in both encodings. Those that somebody adds at the same time stay.
 *
 * @param isRemoved asked for every piece of evidence by itself, more than once if others change the place meanwhile
 * @returns how many pieces were removed
 * @throws RegistryError REQUEST_REFUSED, also where nothing may be deleted, and what the place throws
 */
export async function removeSignatures(
  place: ContentSource & ContentTarget & ReferrerRemover,
  digest: Digest,
  isRemoved: (piece: Evidence) => boolean,
  options: ContentOptions,
): Promise<number> {
  let removed = 0;
  // First what can be refused: a registry may not let anybody delete.
  for (const { referrer, bytes } of await attachedBundles(place, digest, options)) {
    if (!isRemoved({ simpleSignatures: [], bundles: [bytes] })) continue;
    await place.removeReferrer(digest, referrer, options);
    removed += 1;
  }
  let layers = 0;
  const isLayerRemoved = async ({ payload, signature, keyHint }: SignatureLayer) => {
    const bytes = (await readSmall(place, payload, options.signal)) ?? new Uint8Array();
    const isGone = isRemoved({ simpleSignatures: [{ payload: bytes, signature, keyHint }], bundles: [] });
    if (isGone) layers += 1;
    return isGone;
  };
  await changeSignatures(
    place,
    {
      tag: signatureTag(digest),
      change: async (existing) => {
        layers = 0;
        const left = existing && (await removeSignatureLayers(existing.bytes, isLayerRemoved));
        return left && { content: left.manifest, config: left.config };
      },
    },
    options,
  );
  return removed + layers;
}
