/** A version as semver.org 2.0 has it, without what was built. */
export type Version = {
  /** Major, minor, patch. */
  readonly numbers: readonly [number, number, number];
  /** Identifiers of a version before the one of these numbers; empty if it is that. */
  readonly before: readonly (number | string)[];
};

const pattern =
  /^v?(0|[1-9]\d{0,14})\.(0|[1-9]\d{0,14})\.(0|[1-9]\d{0,14})(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:[+_][0-9A-Za-z.-]+)?$/;

/** Reads `1.4.0`, `v1.4.0` or `2.0.0-rc.1`; undefined for what is no version, as most tags are. */
export function parseVersion(text: string): Version | undefined {
  const match = text.length > 128 ? null : pattern.exec(text);
  if (match === null) return undefined;
  const before = match[4]?.split('.').map((part) => (/^\d{1,15}$/.test(part) ? Number(part) : part)) ?? [];
  return { numbers: [Number(match[1]), Number(match[2]), Number(match[3])], before };
}

/** Negative if the first comes before the second; semver.org, section 11. */
export function compareVersions(a: Version, b: Version): number {
  for (const index of [0, 1, 2] as const) {
    const difference = a.numbers[index] - b.numbers[index];
    if (difference !== 0) return difference;
  }
  if (a.before.length === 0 || b.before.length === 0) return b.before.length - a.before.length;
  for (const [index, part] of a.before.entries()) {
    const other = b.before[index];
    if (other === undefined) return 1;
    const difference = comparePart(part, other);
    if (difference !== 0) return difference;
  }
  return a.before.length - b.before.length;
}

// Numbers come before words.
function comparePart(a: number | string, b: number | string): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  if (typeof a !== typeof b) return typeof a === 'number' ? -1 : 1;
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
