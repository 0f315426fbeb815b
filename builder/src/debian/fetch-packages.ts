import { createReadStream } from 'node:fs';
import { rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder } from '@img/registry/storage/make-folder';
import { syncFolder } from '@img/registry/storage/write-file-atomic';
import { type Digest, Digester, digestAlgorithm, digestHex } from '@img/spec/digest';
import { quote } from '@img/spec/quote';
import { BuilderError } from '../builder-error.ts';
import { type ArchiveMirrors, openMirrors } from './archive-mirrors.ts';
import { writingTo } from './cache-folder.ts';
import { archiveUrl, type HttpOptions, isMissing, openUrl, shownUrl, withRetries } from './http.ts';
import type { DebianPackage } from './package.ts';
import { PartialFile, removeOldPartialFiles } from './partial-file.ts';
import type { FetchPackagesOptions } from './resolution.ts';
import { together } from './together.ts';

const defaultConcurrency = 6;

/**
 * Makes sure that every .deb is in the cache, its digest checked, and says where. Uses no network when all are
 * there. The files belong to the cache: read them, don't change or move them.
 *
 * Several processes may do this at once with the same cache. A download that was interrupted, also by kill -9, is
 * continued by the next one.
 *
 * @throws BuilderError PACKAGE_MISMATCH, ARCHIVE_*, CACHE_UNWRITABLE
 */
export async function fetchPackages(
  packages: readonly DebianPackage[],
  options: FetchPackagesOptions & Pick<HttpOptions, 'retryDelaysMs'>,
): Promise<ReadonlyMap<Digest, string>> {
  const job = {
    ...options,
    folder: join(options.cacheDir, 'packages'),
    partialFolder: join(options.cacheDir, 'packages', 'partial'),
    mirrors: openMirrors(options),
  };
  await writingTo(options.cacheDir, async () => {
    await makeFolder(job.partialFolder, 0o755);
    await removeOldPartialFiles(job.partialFolder);
  });
  const wanted = [...new Map(packages.map((one) => [one.digest, one])).values()];
  const fetchOne = async (one: DebianPackage, signal: AbortSignal): Promise<[Digest, string]> => [
    one.digest,
    await fetchPackage(one, { ...job, signal }),
  ];
  const { signal, concurrency = defaultConcurrency } = options;
  return new Map(await together(signal, wanted, fetchOne, { concurrency }));
}

/** Where a .deb is in the cache, if it is there. */
export function packagePath(cacheDir: string, { digest }: DebianPackage): string {
  return join(cacheDir, 'packages', `${digestHex(digest)}.deb`);
}

type Job = HttpOptions &
  Pick<FetchPackagesOptions, 'onProgress' | 'cacheDir'> & {
    readonly folder: string;
    readonly partialFolder: string;
    readonly mirrors: ArchiveMirrors;
  };

async function fetchPackage(wanted: DebianPackage, job: Job): Promise<string> {
  const path = packagePath(job.cacheDir, wanted);
  const what = `${wanted.name} ${wanted.version}`;
  if (await isThere(path, wanted)) {
    job.onProgress?.({ kind: 'skip', item: wanted.digest, what, reason: 'downloaded before' });
    return path;
  }
  job.onProgress?.({ kind: 'start', item: wanted.digest, what, totalBytes: wanted.size });
  const failures: unknown[] = [];
  for (const root of await job.mirrors.rootsOf(wanted)) {
    try {
      await writingTo(job.cacheDir, () => download(archiveUrl(root, wanted.path), wanted, path, job));
      job.onProgress?.({ kind: 'done', item: wanted.digest });
      return path;
    } catch (error) {
      job.signal?.throwIfAborted();
      if (!(error instanceof BuilderError) || error.code === 'CACHE_UNWRITABLE') throw error;
      if (error.code === 'ARCHIVE_UNREACHABLE') job.mirrors.avoid(root);
      failures.push(error);
    }
  }
  throw failures.every(isMissing)
    ? vanished(wanted, failures[0])
    : failures.find((error) => !isMissing(error));
}

async function download(url: string, wanted: DebianPackage, target: string, job: Job): Promise<void> {
  let outcome = await tryDownload(url, wanted, target, job);
  // What an earlier download left may have been damaged by a power loss; from the beginning it can be right.
  if (outcome === 'wrong after resuming') outcome = await tryDownload(url, wanted, target, job);
  if (outcome !== 'right') throw mismatch(wanted, url, `its digest is not ${wanted.digest}`);
  await syncFolder(job.folder);
}

async function tryDownload(
  url: string,
  wanted: DebianPackage,
  target: string,
  job: Job,
): Promise<'right' | 'wrong' | 'wrong after resuming'> {
  await using partial = await PartialFile.open(job.partialFolder, wanted.digest);
  if (partial.size > wanted.size) await partial.clear();
  const isResumed = partial.size > 0;
  if (isResumed) advance(job, wanted, partial.size);
  const progress = (): number => partial.size;
  await withRetries(() => readRest(url, partial, wanted, job), job, progress);
  if (await partial.commit(target)) return 'right';
  return isResumed ? 'wrong after resuming' : 'wrong';
}

async function readRest(url: string, partial: PartialFile, wanted: DebianPackage, job: Job): Promise<void> {
  if (partial.size === wanted.size) return;
  const { offset, content } = await openUrl(url, partial.size, job.signal);
  if (offset !== partial.size) await partial.clear();
  for await (const chunk of content) {
    if (partial.size + chunk.byteLength > wanted.size) {
      await partial.clear();
      throw mismatch(wanted, url, `it is longer than ${wanted.size} bytes`);
    }
    await partial.append(chunk);
    advance(job, wanted, chunk.byteLength);
  }
  if (partial.size < wanted.size) {
    throw new BuilderError(
      'ARCHIVE_UNREACHABLE',
      `${shownUrl(url)} ended after ${partial.size} of ${wanted.size} bytes`,
      { hint: 'try again: what is there already will be kept' },
    );
  }
}

function advance({ onProgress }: Job, { digest }: DebianPackage, bytes: number): void {
  onProgress?.({ kind: 'advance', item: digest, bytes });
}

/** Whether the file is there and right; a wrong one is removed, so that a damaged cache heals itself. */
async function isThere(path: string, { size, digest }: DebianPackage): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  if (found === undefined) return false;
  if (found.size === size) {
    const digester = new Digester(digestAlgorithm(digest));
    for await (const chunk of createReadStream(path) as AsyncIterable<Uint8Array>) digester.update(chunk);
    if (digester.digest() === digest) return true;
  }
  await rm(path, { force: true });
  return false;
}

function mismatch({ name, version }: DebianPackage, url: string, reason: string): BuilderError {
  return new BuilderError(
    'PACKAGE_MISMATCH',
    `${shownUrl(url)} is not the package ${name} ${version} of the signed index: ${reason}`,
    { hint: 'the mirror is broken or in the middle of an update; use another one' },
  );
}

function vanished({ name, version }: DebianPackage, cause: unknown): BuilderError {
  return new BuilderError(
    'ARCHIVE_NOT_FOUND',
    `no mirror has ${quote(`${name} ${version}`)} any more: ${cause instanceof Error ? cause.message : ''}`,
    {
      hint: 'archives keep only the newest versions: update the lock, or name a mirror that keeps old ones',
      cause,
    },
  );
}
