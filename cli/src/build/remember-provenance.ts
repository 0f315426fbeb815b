import type { BuiltFolder } from '@img/builder/build-folder';
import { provenanceOf } from '@img/builder/provenance/provenance';
import { writeProvenance } from '@img/builder/provenance/provenance-file';
import { version } from '../version.ts';
import type { CheckoutAnnotations } from './find-checkout.ts';

/** Remembers how images were built, for `img push --sign`. */
export async function rememberProvenance(
  cacheFolder: string,
  { image, recipe, recipeDigest }: BuiltFolder,
  { startedAt, checkout }: { readonly startedAt: Date; readonly checkout: CheckoutAnnotations },
): Promise<void> {
  const finishedAt = new Date();
  for (const built of image.images) {
    const predicate = provenanceOf(built, { recipe, recipeDigest, checkout, version, startedAt, finishedAt });
    await writeProvenance(cacheFolder, built.manifest.descriptor.digest, predicate);
  }
}
