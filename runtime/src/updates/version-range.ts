import { quote } from '@img/spec/quote';
import { RuntimeError } from '../runtime-error.ts';
import { compareVersions, parseVersion, type Version } from './version.ts';

/** From one version on, and before another. */
export type VersionRange = { readonly from: Version; readonly before: Version | undefined };

const pattern = /^(\^|~|>=|=)?v?(\d{1,15})(?:\.(\d{1,15}))?(?:\.(\d{1,15})(-[0-9A-Za-z.-]+)?)?$/;

/**
 * Reads `^1.4` (no higher major version), `~1.4` (no higher minor one), `>=1.4`, `1.4` (any 1.4.x), `1` or `1.4.0`
 * (that one).
 *
 * @throws RuntimeError APP_INVALID
 */
export function parseVersionRange(text: string): VersionRange {
  const [, operator = '=', major, minor, patch, suffix = ''] = pattern.exec(text) ?? [];
  const from = parseVersion(`${major}.${minor ?? 0}.${patch ?? 0}${suffix}`);
  if (major === undefined || from === undefined) {
    throw new RuntimeError(
      'APP_INVALID',
      `version ${quote(text)} should be such as ^1.4, ~1.4.2, >=2, 1.4 or 1.4.0`,
    );
  }
  return { from, before: endOf(operator, from, minor !== undefined, patch !== undefined) };
}

/** Whether a version is in the range; one before a release only if the range names one of the same numbers. */
export function isInRange({ from, before }: VersionRange, version: Version): boolean {
  const isAskedFor =
    version.before.length === 0 ||
    (from.before.length > 0 && version.numbers.every((number, index) => number === from.numbers[index]));
  return (
    isAskedFor &&
    compareVersions(version, from) >= 0 &&
    (before === undefined || compareVersions(version, before) < 0)
  );
}

function endOf(
  operator: string,
  { numbers: [major, minor, patch] }: Version,
  hasMinor: boolean,
  hasPatch: boolean,
): Version | undefined {
  if (operator === '>=') return undefined;
  const nextMajor = release(major + 1, 0, 0);
  const nextMinor = release(major, minor + 1, 0);
  const nextPatch = release(major, minor, patch + 1);
  if (!hasMinor) return nextMajor;
  if (operator === '~') return nextMinor;
  if (operator === '=') return hasPatch ? nextPatch : nextMinor;
  // Before 1.0.0 the first number that is not 0 tells what goes together.
  if (major > 0) return nextMajor;
  return minor > 0 || !hasPatch ? nextMinor : nextPatch;
}

function release(major: number, minor: number, patch: number): Version {
  return { numbers: [major, minor, patch], before: [] };
}
