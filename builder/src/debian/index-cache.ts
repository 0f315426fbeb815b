import { readdir, readFile, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder } from '@img/registry/storage/make-folder';
import { writeFileAtomic } from '@img/registry/storage/write-file-atomic';
import { type Digest, digestHex } from '@img/spec/digest';
import { writingTo } from './cache-folder.ts';
import { indexVersion } from './index-format.ts';
import { PackageIndex } from './package-index.ts';

/** Compiled indexes that nobody has used for so long are removed. */
const keptMs = 60 * 24 * 60 * 60 * 1000;

/** Where compiled indexes are kept, by the digest of what they were made of. */
export type IndexCache = {
  readonly cacheDir: string;
  /** When an index is used is noted in its file's times. */
  readonly now: Date;
};

/** The compiled form of the index that has this digest; undefined if it isn't there or is damaged. */
export async function openCachedIndex(
  digest: Digest,
  { cacheDir, now }: IndexCache,
): Promise<PackageIndex | undefined> {
  const path = cachePath(cacheDir, digest);
  const bytes = await readFile(path).catch(() => undefined);
  const index = bytes === undefined ? undefined : PackageIndex.open(bytes);
  // A cache that can't be written to can still be read.
  if (index !== undefined) await utimes(path, now, now).catch(() => undefined);
  return index;
}

export async function keepIndex(
  digest: Digest,
  compiled: Uint8Array,
  { cacheDir, now }: IndexCache,
): Promise<void> {
  const folder = indexFolder(cacheDir);
  await writingTo(cacheDir, async () => {
    await makeFolder(folder, 0o755);
    await writeFileAtomic(cachePath(cacheDir, digest), compiled);
  });
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    const used = await stat(path).catch(() => undefined);
    if (used !== undefined && used.mtimeMs < now.getTime() - keptMs) await rm(path, { force: true });
  }
}

function indexFolder(cacheDir: string): string {
  return join(cacheDir, 'indexes');
}

function cachePath(cacheDir: string, digest: Digest): string {
  return join(indexFolder(cacheDir), `${digestHex(digest)}.${indexVersion}`);
}
