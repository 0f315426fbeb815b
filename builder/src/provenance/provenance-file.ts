import { dirname, join } from 'node:path';
import { makeFolder } from '@img/registry/storage/make-folder';
import { writeFileAtomic } from '@img/registry/storage/write-file-atomic';
import { type Digest, digestHex } from '@img/spec/digest';
import type { JsonObject } from '@img/spec/json';
import { readIfThere } from '../read-if-there.ts';

/** Remembers how an image was built, until somebody signs that. */
export async function writeProvenance(
  cacheFolder: string,
  image: Digest,
  predicate: JsonObject,
): Promise<void> {
  const path = pathOf(cacheFolder, image);
  await makeFolder(dirname(path), 0o755);
  await writeFileAtomic(path, JSON.stringify(predicate));
}

/** What was remembered of an image, as bytes; undefined if it was built elsewhere, or the cache was removed. */
export async function readProvenance(cacheFolder: string, image: Digest): Promise<Uint8Array | undefined> {
  return await readIfThere(pathOf(cacheFolder, image));
}

function pathOf(cacheFolder: string, image: Digest): string {
  return join(cacheFolder, 'provenance', `${digestHex(image)}.json`);
}
