import type { BuiltFolder } from '@img/builder/build-folder';
import { provenanceOf } from '@img/builder/provenance/provenance';
import { writeProvenance } from '@img/builder/provenance/provenance-file';
import { version } from '../version.ts';

/** Remembers how images were built, for `img push --sign`. */
export async function rememberProvenance(
  cacheFolder: string,
  { image, recipe, recipeDigest }: BuiltFolder,
  startedAt: Date,
): Promise<void> {
  const finishedAt = new Date();
  for (const built of image.images) {
    const predicate = provenanceOf(built, { recipe, recipeDigest, version, startedAt, finishedAt });
    await writeProvenance(cacheFolder, built.manifest.descriptor.digest, predicate);
  }
}
