import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { makeFolder } from '@img/registry/storage/make-folder';
import { writeFileAtomic } from '@img/registry/storage/write-file-atomic';
import { type Digest, Digester, digestAlgorithm, digestHex } from '@img/spec/digest';
import type { ProgressListener } from '@img/spec/progress';
import { quote } from '@img/spec/quote';
import { BuilderError } from '../builder-error.ts';
import { writingTo } from '../debian/cache-folder.ts';
import { openUrl, withRetries } from '../debian/http.ts';

export type FetchArchiveOptions = {
  readonly digest: Digest;
  /** How messages name it. */
  readonly what: string;
  readonly cacheFolder: string;
  readonly onProgress?: ProgressListener | undefined;
  readonly signal?: AbortSignal | undefined;
};

const maxBytes = 4 * 1024 ** 3;

/**
 * The file of a third-party package: from the cache, or downloaded. What it holds is checked by whoever reads it,
 * with {@link checkedArchive}.
 *
 * @param url where it is; asked for only if it has to be downloaded
 * @throws BuilderError PACKAGE_MISMATCH, ARCHIVE_*
 */
export async function fetchArchive(
  url: () => Promise<string>,
  { digest, what, cacheFolder, onProgress, signal }: FetchArchiveOptions,
): Promise<string> {
  const path = join(cacheFolder, 'downloads', digestAlgorithm(digest), digestHex(digest));
  if ((await stat(path).catch(() => undefined))?.isFile() === true) return path;
  await writingTo(cacheFolder, () => makeFolder(dirname(path), 0o755));
  const address = await url();
  onProgress?.({ kind: 'start', item: digest, what: `fetch ${what}` });
  await withRetries(
    async () => {
      const { content } = await openUrl(address, 0, signal);
      const counted = async function* () {
        for await (const chunk of content) {
          onProgress?.({ kind: 'advance', item: digest, bytes: chunk.byteLength });
          yield chunk;
        }
      };
      await writingTo(cacheFolder, () => writeFileAtomic(path, checked(counted(), digest, what)));
    },
    { signal },
  );
  onProgress?.({ kind: 'done', item: digest });
  return path;
}

/**
 * The content of a fetched file, checked before its end is reported.
 *
 * @throws BuilderError PACKAGE_MISMATCH
 */
export function checkedArchive(
  path: string,
  { digest, what, signal }: FetchArchiveOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  return checked(createReadStream(path, { highWaterMark: 256 * 1024, signal }), digest, what);
}

async function* checked(
  source: AsyncIterable<Uint8Array>,
  digest: Digest,
  what: string,
): AsyncGenerator<Uint8Array, void, undefined> {
  const digester = new Digester(digestAlgorithm(digest));
  let sizeBytes = 0;
  for await (const chunk of source) {
    digester.update(chunk);
    sizeBytes += chunk.byteLength;
    if (sizeBytes > maxBytes) throw mismatch(what, `is longer than ${maxBytes} bytes`);
    yield chunk;
  }
  const found = digester.digest();
  if (found !== digest) throw mismatch(what, `has the digest ${found}, it should have ${digest}`);
}

function mismatch(what: string, problem: string): BuilderError {
  return new BuilderError('PACKAGE_MISMATCH', `${quote(what)} ${problem}`, {
    hint: 'it is not the file that was locked; find out why before you lock it anew',
  });
}
