import { type Digest, isDigest } from '@img/spec/digest';
import { quote } from '@img/spec/quote';
import { BuilderError } from '../builder-error.ts';
import { parseControl, type Stanza, wordsOf } from './control.ts';

/** Size and digest of a file that a Release file vouches for. */
export type ReleaseFile = { readonly size: number; readonly digest: Digest };

/** The signed table of contents of a suite. */
export type Release = {
  /** Name of the version, for example `trixie-security`; at least one of suite and codename is there. */
  readonly codename: string | undefined;
  /** What the version is now, for example `stable-security`. */
  readonly suite: string | undefined;
  readonly date: Date;
  readonly validUntil: Date | undefined;
  readonly architectures: readonly string[];
  /** Whether the indexes are also below `by-hash/`, where an update of the archive doesn't replace them. */
  readonly hasByHash: boolean;
  /** Whether the indexes of packages for all architectures are apart from those of each one. */
  readonly hasIndexForAll: boolean;
  /** By path relative to `dists/<suite>/`, from the SHA256 section; older hashes are not looked at. */
  readonly files: ReadonlyMap<string, ReleaseFile>;
};

/**
 * Parses the text of a Release file. Give it only text whose signature was verified.
 *
 * @param what how messages name the file
 * @throws BuilderError RELEASE_INVALID
 */
export function parseRelease(text: string, what: string): Release {
  const invalid = (reason: string) => new BuilderError('RELEASE_INVALID', `${what} ${reason}`);
  const [stanza, ...rest] = parseControl(text, what, 'RELEASE_INVALID');
  if (stanza === undefined || rest.length > 0) throw invalid('has not exactly one paragraph');
  const codename = nonEmpty(stanza.get('codename'));
  const suite = nonEmpty(stanza.get('suite'));
  if (codename === undefined && suite === undefined) throw invalid('has neither Codename nor Suite');
  const architectures = wordsOf(stanza.get('architectures'));
  const validUntil = stanza.get('valid-until');
  return {
    codename,
    suite,
    date: parseDate(stanza.get('date'), 'Date', invalid),
    validUntil: validUntil === undefined ? undefined : parseDate(validUntil, 'Valid-Until', invalid),
    architectures,
    hasByHash: stanza.get('acquire-by-hash') === 'yes',
    hasIndexForAll:
      architectures.includes('all') && stanza.get('no-support-for-architecture-all') !== 'Packages',
    files: parseFiles(stanza, invalid),
  };
}

/** `2026-11-21T00:53:02Z`, the form in which a lock keeps the Date of a Release. */
export function formatDate(date: Date): string {
  return date.toISOString().replace('.000Z', 'Z');
}

type Refusal = (reason: string) => BuilderError;

function parseFiles(stanza: Stanza, invalid: Refusal): ReadonlyMap<string, ReleaseFile> {
  const section = stanza.get('sha256');
  if (section === undefined) throw invalid('has no SHA256 section');
  const files = new Map<string, ReleaseFile>();
  for (const line of section.split('\n')) {
    if (line === '') continue;
    const [hex = '', size = '', path = '', ...rest] = line.split(/\s+/);
    const digest = `sha256:${hex}`;
    if (!isDigest(digest) || !/^\d{1,15}$/.test(size) || path === '' || rest.length > 0) {
      throw invalid(`has the line ${quote(line)} in its SHA256 section`);
    }
    files.set(path, { digest, size: Number(size) });
  }
  return files;
}

// RFC 2822 as Debian and Ubuntu write it; Date.parse alone would accept much more.
const datePattern =
  /^[A-Z][a-z]{2}, [ \d]?\d [A-Z][a-z]{2} \d{4} [ \d]?\d:\d{2}:\d{2} (?:UTC|GMT|[+-]0000|Z)$/;

function parseDate(text: string | undefined, name: string, invalid: Refusal): Date {
  if (text === undefined) throw invalid(`has no ${name}`);
  const time = datePattern.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(time)) throw invalid(`has the unreadable ${name} ${quote(text)}`);
  return new Date(time);
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === '' ? undefined : text;
}
