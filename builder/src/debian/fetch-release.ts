import { digestOf } from '@img/spec/digest';
import type { ProgressListener } from '@img/spec/progress';
import { quote } from '@img/spec/quote';
import { BuilderError } from '../builder-error.ts';
import { archiveUrl, type HttpOptions, readUrl, shownUrl } from './http.ts';
import type { Mirror } from './mirrors.ts';
import { formatDate, parseRelease, type Release } from './release.ts';
import type { ReleaseRecord } from './resolution.ts';
import type { SuiteChoice } from './system.ts';
import { tryMirrors } from './try-mirrors.ts';
import { verifyRelease } from './verify-release.ts';

/** Debian's largest is 0.3 MB; it is read before anything in it can be trusted. */
const maxReleaseBytes = 8 * 1024 * 1024;

/** Clocks differ; more than this is not a difference of clocks. */
const maxClockDifferenceMs = 10 * 60 * 1000;

/** What is published beside a release, under its name and one of these. */
const pockets = ['-updates', '-security', '-backports', '-proposed'];

export type ReleaseOptions = HttpOptions & {
  readonly now: Date;
  /** What a lock has for the same suite. */
  readonly previous?: ReleaseRecord | undefined;
  readonly allowExpired?: boolean | undefined;
  readonly onProgress?: ProgressListener | undefined;
};

/** A verified table of contents, and where what it lists may be. */
export type FetchedRelease = {
  readonly choice: SuiteChoice;
  /** The one that it came from, then those that weren't tried. */
  readonly mirrors: readonly Mirror[];
  readonly release: Release;
  readonly record: ReleaseRecord;
};

/**
 * Gets the InRelease file of a suite from the first mirror that has a good one. Mirrors that are away, that lack the
 * suite or whose file is not accepted are passed over with a note.
 *
 * @throws BuilderError what the first mirror was refused for: ARCHIVE_*, RELEASE_*
 */
export async function fetchRelease(
  choice: SuiteChoice,
  mirrors: readonly Mirror[],
  options: ReleaseOptions,
): Promise<FetchedRelease> {
  const { signal, onProgress } = options;
  return await tryMirrors(
    mirrors,
    async (mirror) => {
      const { release, record } = await fetchFrom(choice, mirror, options);
      return { choice, mirrors: mirrors.slice(mirrors.indexOf(mirror)), release, record };
    },
    { signal, onProgress, refusal: (failures) => mostTelling(failures, choice) },
  );
}

async function fetchFrom(
  choice: SuiteChoice,
  mirror: Mirror,
  options: ReleaseOptions,
): Promise<Pick<FetchedRelease, 'release' | 'record'>> {
  const url = archiveUrl(mirror.root, `dists/${choice.suite}/InRelease`);
  const what = shownUrl(url);
  const bytes = await readUrl(url, maxReleaseBytes, options);
  const { text, keyFingerprint } = await verifyRelease(bytes, choice.keys, options.now, what);
  const release = parseRelease(text, what);
  checkName(release, choice, what);
  checkTimes(release, what, {
    ...options,
    allowExpired: options.allowExpired === true || mirror.allowsExpired,
  });
  const date = formatDate(release.date);
  const record = { suite: choice.suite, date, digest: digestOf(bytes), keyFingerprint };
  return { release, record };
}

/** A validly signed file of another suite is still the wrong one. */
function checkName({ codename, suite }: Release, choice: SuiteChoice, what: string): void {
  // Ubuntu's noble-updates has the codename noble too, as Debian's trixie-updates has not.
  const isPocket = codename !== undefined && pockets.some((pocket) => suite === `${codename}${pocket}`);
  if (suite === choice.suite || (codename === choice.suite && !isPocket)) return;
  throw new BuilderError(
    'RELEASE_MISMATCH',
    `${what} is for ${quote(isPocket ? suite : (codename ?? suite))}, not for ${quote(choice.suite)}`,
    { hint: 'the mirror mixes up its suites; use another one' },
  );
}

function checkTimes({ date, validUntil }: Release, what: string, options: ReleaseOptions): void {
  const { now, previous, allowExpired, onProgress } = options;
  if (date.getTime() > now.getTime() + maxClockDifferenceMs) {
    throw new BuilderError(
      'RELEASE_IN_FUTURE',
      `${what} was made on ${formatDate(date)}, but this machine's clock says ${formatDate(now)}`,
      { hint: 'set the clock of this machine' },
    );
  }
  if (previous !== undefined && formatDate(date) < previous.date) {
    throw new BuilderError(
      'RELEASE_ROLLED_BACK',
      `${what} was made on ${formatDate(date)}, before the ${previous.date} that the lock has`,
      {
        hint: 'the mirror is out of date or withholds updates; use another one, or remove the lock to go back',
      },
    );
  }
  if (validUntil === undefined || validUntil.getTime() >= now.getTime()) return;
  const text = `${what} was valid until ${formatDate(validUntil)}`;
  if (allowExpired !== true) {
    throw new BuilderError('RELEASE_EXPIRED', `${text}; it is ${formatDate(now)} now`, {
      hint:
        'the mirror is out of date and may lack security updates; use another one, or, if it is frozen on purpose, ' +
        'put it into the apt sources of this machine with Check-Valid-Until: no',
    });
  }
  onProgress?.({ kind: 'note', text: `${text}, which is allowed here: security updates may be missing` });
}

// That one mirror doesn't have the suite says less than that another one is away or has a bad file.
function mostTelling(failures: readonly BuilderError[], choice: SuiteChoice): BuilderError {
  const failure = failures.find(({ code }) => code !== 'ARCHIVE_NOT_FOUND') ?? failures[0];
  if (failure === undefined) {
    return new BuilderError('SYSTEM_UNKNOWN', `there is no mirror for ${quote(choice.suite)}`);
  }
  if (failures.every(({ code }) => code === 'ARCHIVE_UNREACHABLE')) {
    const hint = `${failure.hint}; without a network only what img.lock names and the cache has can be built`;
    return new BuilderError(failure.code, failure.message, { hint, cause: failure });
  }
  if (choice.archive !== 'debian-security' && failure.code !== 'ARCHIVE_NOT_FOUND') return failure;
  const hint =
    choice.archive === 'debian-security'
      ? 'security updates must not be missed: name a mirror that has debian-security beside debian'
      : 'check the name of the suite, or name a mirror that has it';
  return new BuilderError(failure.code, `no mirror has a good ${quote(choice.suite)}: ${failure.message}`, {
    hint: failure.code.startsWith('RELEASE_') ? (failure.hint ?? hint) : hint,
    cause: failure,
  });
}
