import type { RuntimeName } from '../state/container-record.ts';

/** A way out of a container that a runtime had. */
export type KnownEscape = {
  readonly id: string;
  /** The first version of each series that no longer has it; later series never had it. */
  readonly fixedIn: readonly string[];
  readonly what: string;
};

// crun was found not to be exposed to those of 2025 (its issue 1906); those that it had need a config that img never makes.
const escapes: { readonly [name in RuntimeName]: readonly KnownEscape[] } = {
  crun: [],
  nspawn: [],
  runc: [
    { id: 'CVE-2019-5736', fixedIn: ['1.0.0'], what: 'the app replaces the runtime on the host' },
    { id: 'CVE-2024-21626', fixedIn: ['1.1.12'], what: 'the working folder leads to the host' },
    {
      id: 'CVE-2025-31133',
      fixedIn: ['1.2.8', '1.3.3', '1.4.0'],
      what: 'masked paths are replaced by links',
    },
    {
      id: 'CVE-2025-52565',
      fixedIn: ['1.2.8', '1.3.3', '1.4.0'],
      what: '/dev/console is replaced by a link',
    },
    { id: 'CVE-2025-52881', fixedIn: ['1.2.8', '1.3.3', '1.4.0'], what: 'writes to /proc are redirected' },
  ],
};

/**
 * The escapes that a version of a runtime has as its authors published it; a distribution may have fixed them without
 * a new version.
 *
 * @param version such as `1.1.5` or `1.1.5+ds1`
 */
export function knownEscapes(runtime: RuntimeName, version: string): readonly KnownEscape[] {
  return escapes[runtime].filter(({ fixedIn }) => !isFixed(numbersOf(version), fixedIn.map(numbersOf)));
}

type Numbers = readonly [major: number, minor: number, patch: number];

// 1.3.0 comes after 1.2.8, but was made before it: what counts is the fix in its own series, or being after all of them.
function isFixed([major, minor, patch]: Numbers, fixes: readonly Numbers[]): boolean {
  const own = fixes.find((fix) => fix[0] === major && fix[1] === minor);
  if (own !== undefined) return patch >= own[2];
  return fixes.every((fix) => major > fix[0] || (major === fix[0] && minor > fix[1]));
}

function numbersOf(version: string): Numbers {
  const [, major, minor, patch] = /^(\d+)\.(\d+)\.(\d+)/.exec(version) ?? [];
  return [Number(major ?? 0), Number(minor ?? 0), Number(patch ?? 0)];
}
