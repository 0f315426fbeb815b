import { digestHex } from '@img/spec/digest';
import type { ProgressListener } from '@img/spec/progress';
import { verifiedBytes } from '@img/spec/verified';
import { BuilderError } from '../builder-error.ts';
import type { SuiteIndex } from './catalog.ts';
import { decompress } from './decompress.ts';
import type { FetchedRelease } from './fetch-release.ts';
import { archiveUrl, type HttpOptions, isMissing, readUrl, shownUrl } from './http.ts';
import { type IndexCache, keepIndex, openCachedIndex } from './index-cache.ts';
import { IndexCompiler } from './index-compiler.ts';
import { PackageIndex } from './package-index.ts';
import type { ReleaseFile } from './release.ts';
import { together } from './together.ts';
import { tryMirrors } from './try-mirrors.ts';

/** Debian's largest is 14 MB. */
const maxIndexBytes = 256 * 1024 * 1024;

export type IndexOptions = HttpOptions &
  IndexCache & {
    readonly onProgress?: ProgressListener | undefined;
  };

type IndexFile = ReleaseFile & { readonly path: string };

/**
 * Gets the indexes of all components of a suite for an architecture, compiled. Those whose digest is known already
 * are taken from the cache.
 *
 * @throws BuilderError INDEX_MISSING, INDEX_MISMATCH, INDEX_INVALID, ARCHIVE_*
 */
export async function fetchIndexes(
  fetched: FetchedRelease,
  architecture: string,
  options: IndexOptions,
): Promise<readonly SuiteIndex[]> {
  const { suite, components } = fetched.choice;
  const files = components.flatMap((component) => [
    findIndex(fetched, component, architecture),
    ...(fetched.release.hasIndexForAll ? [findIndex(fetched, component, 'all')] : []),
  ]);
  return await together(options.signal, files, async (file, signal) => ({
    suite,
    index: await openIndex(fetched, file, { ...options, signal }),
  }));
}

/** The most compressed form of an index that the Release file vouches for. */
function findIndex({ choice, release }: FetchedRelease, component: string, architecture: string): IndexFile {
  for (const suffix of ['.xz', '.gz', '']) {
    const path = `${component}/binary-${architecture}/Packages${suffix}`;
    const file = release.files.get(path);
    if (file !== undefined && file.size <= maxIndexBytes) return { ...file, path };
  }
  const processors = release.architectures.filter((name) => name !== 'all');
  throw new BuilderError(
    'INDEX_MISSING',
    `the suite ${choice.suite} has no packages of the component ${component} for ${architecture}`,
    { hint: `it has the architectures ${processors.join(', ') || 'none'}` },
  );
}

async function openIndex(
  { choice, mirrors, release }: FetchedRelease,
  file: IndexFile,
  options: IndexOptions,
): Promise<PackageIndex> {
  const item = `${choice.suite} ${file.path}`;
  const known = await openCachedIndex(file.digest, options);
  if (known !== undefined) {
    options.onProgress?.({ kind: 'skip', item, what: 'package index', reason: 'unchanged' });
    return known;
  }
  options.onProgress?.({ kind: 'start', item, what: 'package index', totalBytes: file.size });
  const path = `dists/${choice.suite}/${file.path}`;
  let reported = 0;
  const onReceived = (size: number): void => {
    // What an earlier attempt had brought already is not news.
    if (size <= reported) return;
    options.onProgress?.({ kind: 'advance', item, bytes: size - reported });
    reported = size;
  };
  const { hasByHash } = release;
  // The digest says what is right, so that every mirror will do, also where the first is not in step with itself.
  const bytes = await tryMirrors(
    mirrors,
    ({ root }) => download(path, file, { ...options, root, hasByHash, onReceived }),
    { ...options, refusal: mostTelling },
  );
  const compiled = await compileNext(bytes, item, options.signal);
  await keepIndex(file.digest, compiled, options);
  const index = PackageIndex.open(compiled);
  if (index === undefined) throw new TypeError('an index that was just compiled should be readable');
  options.onProgress?.({ kind: 'done', item });
  return index;
}

// That a mirror doesn't have a file says less than what is wrong with the file of another.
function mostTelling(failures: readonly BuilderError[]): BuilderError {
  const failure = failures.find((error) => !isMissing(error)) ?? failures[0];
  return failure ?? new BuilderError('ARCHIVE_NOT_FOUND', 'there is no mirror to ask');
}

type DownloadOptions = HttpOptions & {
  readonly root: string;
  readonly hasByHash: boolean;
  readonly onReceived: (sizeBytes: number) => void;
};

async function download(path: string, file: ReleaseFile, options: DownloadOptions): Promise<Uint8Array> {
  if (options.hasByHash) {
    const folder = path.slice(0, path.lastIndexOf('/'));
    const url = archiveUrl(options.root, `${folder}/by-hash/SHA256/${digestHex(file.digest)}`);
    try {
      return checked(await readUrl(url, file.size, options), file, url);
    } catch (error) {
      // What is below by-hash stays while the archive is updated; a mirror that doesn't have it is tolerated.
      if (!isMissing(error)) throw error;
    }
  }
  const url = archiveUrl(options.root, path);
  return checked(await readUrl(url, file.size, options), file, url);
}

function checked(bytes: Uint8Array, file: ReleaseFile, url: string): Uint8Array {
  try {
    return verifiedBytes(bytes, file);
  } catch (cause) {
    const what = `${shownUrl(url)} is not what the signed Release file says`;
    throw new BuilderError('INDEX_MISMATCH', cause instanceof Error ? `${what}: ${cause.message}` : what, {
      hint: 'the mirror may be in the middle of an update: try again, or use another one',
      cause,
    });
  }
}

/** Ends when no index is being compiled. */
let compiling: Promise<unknown> = Promise.resolve();

/** Compiles one index after the other: each takes much memory for a moment, and a whole processor. */
function compileNext(bytes: Uint8Array, item: string, signal?: AbortSignal): Promise<Uint8Array> {
  const result = compiling.then(() => {
    signal?.throwIfAborted();
    return compile(bytes, item);
  });
  compiling = result.catch(() => undefined);
  return result;
}

async function compile(bytes: Uint8Array, item: string): Promise<Uint8Array> {
  const compiler = new IndexCompiler();
  try {
    for await (const piece of decompress(bytes, item)) compiler.add(piece);
  } catch (cause) {
    if (cause instanceof BuilderError && cause.code === 'INDEX_INVALID') throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new BuilderError('INDEX_INVALID', `${item} can't be decompressed: ${reason}`, { cause });
  }
  return compiler.finish();
}
