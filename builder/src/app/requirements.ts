import { type Digest, parseDigest } from '@img/spec/digest';
import { quote } from '@img/spec/quote';
import { BuilderError } from '../builder-error.ts';

/** One line of a requirements.txt: a version of a package, and the digests that its files may have. */
export type Requirement = {
  /** Normalised as in an index (PEP 503): lower case, with dashes. */
  readonly name: string;
  readonly version: string;
  /** The condition behind `;`, as written; undefined if there is none (PEP 508). */
  readonly marker: string | undefined;
  readonly digests: readonly Digest[];
};

export type Requirements = {
  readonly packages: readonly Requirement[];
  /** The index that the file names. */
  readonly index: string | undefined;
};

const pinned =
  /^([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[[^\]]*\])?\s*===?\s*([A-Za-z0-9][A-Za-z0-9.!+_-]*)\s*(?:;(.*))?$/;
const makeHint =
  'make it with uv pip compile --generate-hashes, or pip-compile --generate-hashes; that also names what packages need';

/**
 * Parses a requirements.txt whose packages are all pinned with digests, as `pip --require-hashes` wants it.
 *
 * @param file how messages name it
 * @throws BuilderError APP_UNSUPPORTED, APP_INVALID with the line
 */
export function parseRequirements(text: string, file: string): Requirements {
  const packages: Requirement[] = [];
  let index: string | undefined;
  for (const { line, number } of logicalLines(text)) {
    const place = `${file}:${number}`;
    const [, url] = /^(?:-i|--index-url)[\s=]+(https?:\/\/\S+)$/.exec(line) ?? [];
    if (url !== undefined) index = url;
    else if (!/^--(?:require-hashes|prefer-binary|only-binary[\s=]\S+)$/.test(line))
      packages.push(parseLine(line, place));
  }
  return { packages, index };
}

function parseLine(line: string, place: string): Requirement {
  const [, name = '', version = '', marker] = pinned.exec(line.replace(/\s--hash=.*$/, '').trim()) ?? [];
  if (name === '') {
    throw new BuilderError(
      'APP_UNSUPPORTED',
      `${place}: ${quote(line)} is no package with one version, name==version`,
      {
        hint: makeHint,
      },
    );
  }
  const digests = [...line.matchAll(/\s--hash=(\S+)/g)].flatMap(([, written = '']) =>
    digestOf(written, place),
  );
  if (digests.length === 0) {
    throw new BuilderError(
      'APP_UNSUPPORTED',
      `${place}: ${name} has no --hash=sha256:…, so nobody knows what it will be`,
      {
        hint: makeHint,
      },
    );
  }
  return { name: normalizedName(name), version, marker: marker?.trim() || undefined, digests };
}

function digestOf(written: string, place: string): readonly Digest[] {
  // Of several kinds one is enough; the index is asked by sha256.
  if (!written.startsWith('sha256:')) return [];
  if (/^sha256:[0-9a-f]{64}$/.test(written)) return [parseDigest(written)];
  throw new BuilderError('APP_INVALID', `${place}: ${quote(written)} is no digest`);
}

/** Lines without comments, those that end with a backslash put together. */
function* logicalLines(text: string): Generator<{ readonly line: string; readonly number: number }> {
  let line = '';
  let number = 1;
  for (const [index, part] of text.split(/\r?\n/).entries()) {
    if (line === '') number = index + 1;
    const bare = part.replace(/(^|\s)#.*$/, '$1');
    line += bare.replace(/\\\s*$/, ' ');
    if (/\\\s*$/.test(bare)) continue;
    if (line.trim() !== '') yield { line: line.trim(), number };
    line = '';
  }
  if (line.trim() !== '') yield { line: line.trim(), number };
}

/** The name of a package as an index has it (PEP 503). */
export function normalizedName(name: string): string {
  return name.toLowerCase().replace(/[-_.]+/g, '-');
}
