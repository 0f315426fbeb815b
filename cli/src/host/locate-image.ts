import { RegistryError } from '@img/registry/registry-error';
import type { ContentOptions, ContentSource, ManifestContent } from '@img/registry/transfer/content';
import { formatReference, type Reference } from '@img/spec/reference';

/** An image and where it was found. */
export type LocatedImage = { readonly content: ManifestContent; readonly place: ContentSource };

/**
 * Looks for an image in one place after the other.
 *
 * @throws RegistryError REFERENCE_UNKNOWN, and what the places throw
 */
export async function locateImage(
  reference: Reference,
  places: readonly ContentSource[],
  options: ContentOptions,
): Promise<LocatedImage> {
  const wanted = reference.digest ?? reference.tag;
  for (const place of places) {
    const content = wanted === undefined ? undefined : await place.getManifest(wanted, options);
    if (content !== undefined) return { content, place };
  }
  const names = places.map(({ name }) => name).join(', then ');
  throw new RegistryError(
    'REFERENCE_UNKNOWN',
    `there is no ${formatReference(reference)}; looked in ${names}`,
    { hint: 'look at the name and the tag; img images lists what this host has' },
  );
}
