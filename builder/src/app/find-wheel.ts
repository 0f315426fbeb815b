import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder } from '@img/registry/storage/make-folder';
import { writeFileAtomic } from '@img/registry/storage/write-file-atomic';
import { type Digest, digestHex, digestOf, isDigest } from '@img/spec/digest';
import { quote } from '@img/spec/quote';
import { BuilderError } from '../builder-error.ts';
import { readUrl } from '../debian/http.ts';
import { normalizedName, type Requirement } from './requirements.ts';
import { type PythonHost, parseWheelName, wheelScore } from './wheel-tags.ts';

/** A wheel that was chosen. */
export type FoundWheel = { readonly file: string; readonly url: string; readonly digest: Digest };

export type FindWheelOptions = {
  readonly host: PythonHost;
  /** Root of a simple index (PEP 503). */
  readonly index: string;
  readonly cacheFolder: string;
  readonly signal?: AbortSignal | undefined;
};

const maxPageBytes = 64 * 1024 * 1024;

/**
 * The wheel of a requirement that fits an image best: of the files that an index has, those whose digest the
 * requirement names. Which one was chosen is remembered, so that the index is asked once.
 *
 * @throws BuilderError APP_UNSUPPORTED if there is none, ARCHIVE_*
 */
export async function findWheel(wanted: Requirement, options: FindWheelOptions): Promise<FoundWheel> {
  const { host, index, cacheFolder, signal } = options;
  const question = JSON.stringify([wanted.name, wanted.version, wanted.digests, host]);
  const remembered = join(cacheFolder, 'wheels', digestHex(digestOf(Buffer.from(question))));
  const known = await readRemembered(remembered, wanted);
  if (known !== undefined) return known;
  const page = `${index.replace(/\/+$/, '')}/${wanted.name}/`;
  const html = new TextDecoder().decode(await readUrl(page, maxPageBytes, { signal }));
  const files = linksIn(html, page).filter(({ digest }) => wanted.digests.includes(digest));
  const fitting = files
    .map((file) => ({ file, score: scoreOf(file.file, wanted, host) }))
    .filter(({ score }) => score !== undefined)
    .sort((a, b) => (b.score ?? 0) - (a.score ?? 0) || (a.file.file < b.file.file ? -1 : 1));
  const found = fitting[0]?.file;
  if (found === undefined) throw missing(wanted, files, host);
  await makeFolder(join(cacheFolder, 'wheels'), 0o755);
  await writeFileAtomic(remembered, JSON.stringify(found));
  return found;
}

async function readRemembered(path: string, { digests }: Requirement): Promise<FoundWheel | undefined> {
  try {
    const { file, url, digest } = JSON.parse(await readFile(path, 'utf8')) as FoundWheel;
    const isSound = isDigest(digest) && digests.includes(digest) && parseWheelName(file) !== undefined;
    return isSound ? { file, url, digest } : undefined;
  } catch {
    // Not there, or spoilt: the index is asked again.
    return undefined;
  }
}

/** The files that a page of an index links to, as far as it says their digests. */
function linksIn(html: string, page: string): readonly FoundWheel[] {
  const found: FoundWheel[] = [];
  for (const [, first, second] of html.matchAll(/<a\s[^>]*?href\s*=\s*(?:"([^"]*)"|'([^']*)')/gi)) {
    const url = URL.parse((first ?? second ?? '').replaceAll('&amp;', '&'), page);
    const [, hex] = /(?:^#|&)sha256=([0-9a-f]{64})/.exec(url?.hash ?? '') ?? [];
    if (url === null || hex === undefined || !/^https?:$/.test(url.protocol)) continue;
    url.hash = '';
    const file = decodeURIComponent(url.pathname.slice(url.pathname.lastIndexOf('/') + 1));
    found.push({ file, url: url.href, digest: `sha256:${hex}` as Digest });
  }
  return found;
}

function scoreOf(file: string, { name }: Requirement, host: PythonHost): number | undefined {
  const wheel = parseWheelName(file);
  return wheel === undefined || normalizedName(wheel.name) !== name ? undefined : wheelScore(wheel, host);
}

function missing(
  { name, version }: Requirement,
  files: readonly FoundWheel[],
  { python, machine, libc }: PythonHost,
): BuilderError {
  const what = quote(`${name}==${version}`);
  const place = `Python ${python} on ${machine} with ${libc.kind} ${libc.major}.${libc.minor}`;
  if (files.length === 0) {
    return new BuilderError(
      'APP_UNSUPPORTED',
      `the index has no file of ${what} with one of the digests in requirements.txt`,
      {
        hint: 'lock it again, with the index that the build uses (PIP_INDEX_URL)',
      },
    );
  }
  const names = files.slice(0, 5).map(({ file }) => file);
  return new BuilderError('APP_UNSUPPORTED', `${what} has no wheel for ${place}, only ${names.join(', ')}`, {
    hint: 'nothing is compiled here: take a version that has a wheel, or its Debian package',
  });
}
