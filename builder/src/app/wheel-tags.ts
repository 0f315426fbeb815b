/** What an image has that decides which wheels run on it. */
export type PythonHost = {
  /** `3.13`. */
  readonly python: string;
  /** As the kernel calls it: `x86_64`, `aarch64`. */
  readonly machine: string;
  readonly libc: { readonly kind: 'glibc' | 'musl'; readonly major: number; readonly minor: number };
};

/** What the name of a wheel says (binary distribution format, "File name convention"). */
export type WheelName = {
  readonly name: string;
  readonly version: string;
  readonly build: number;
  readonly pythons: readonly string[];
  readonly abis: readonly string[];
  readonly platforms: readonly string[];
};

const oldManylinux: ReadonlyMap<string, string> = new Map([
  ['manylinux1', 'manylinux_2_5'],
  ['manylinux2010', 'manylinux_2_12'],
  ['manylinux2014', 'manylinux_2_17'],
]);

/** Undefined for a file that is no wheel. */
export function parseWheelName(file: string): WheelName | undefined {
  const parts = /^([^-]+)-([^-]+)-(?:(\d+)[^-]*-)?([^-]+)-([^-]+)-([^-]+)\.whl$/.exec(file);
  if (parts === null) return undefined;
  const [, name = '', version = '', build = '0', python = '', abi = '', platform = ''] = parts;
  return {
    name,
    version,
    build: Number(build),
    pythons: python.split('.'),
    abis: abi.split('.'),
    platforms: platform.split('.'),
  };
}

/**
 * How well a wheel fits, a higher number for a better one; undefined if it doesn't run there. As pip orders them: what
 * was made for the interpreter before what was made for several, and what was made for the newest system first.
 */
export function wheelScore(
  { pythons, abis, platforms, build }: WheelName,
  host: PythonHost,
): number | undefined {
  const platform = best(platforms.map((tag) => platformScore(tag, host)));
  const abi = best(pythons.flatMap((python) => abis.map((each) => interpreterScore(python, each, host))));
  return platform === undefined || abi === undefined
    ? undefined
    : abi * 1_000_000 + platform * 1000 + Math.min(build, 999);
}

function best(scores: readonly (number | undefined)[]): number | undefined {
  const found = scores.filter((score) => score !== undefined);
  return found.length === 0 ? undefined : Math.max(...found);
}

/** Up to 999. */
function platformScore(tag: string, { machine, libc }: PythonHost): number | undefined {
  if (tag === 'any') return 0;
  const [, system = '', processor] =
    /^(linux|manylinux\d+|(?:manylinux|musllinux)_\d+_\d+)_(.+)$/.exec(tag) ?? [];
  if (processor !== machine) return undefined;
  if (system === 'linux') return 1;
  const [kind, major, minor] = (oldManylinux.get(system) ?? system).split('_');
  if ((kind === 'musllinux') !== (libc.kind === 'musl') || Number(major) !== libc.major) return undefined;
  return Number(minor) <= libc.minor ? 2 + Number(minor) : undefined;
}

function interpreterScore(python: string, abi: string, host: PythonHost): number | undefined {
  const [major = 3, minor = 0] = host.python.split('.').map(Number);
  const own = `${major}${minor}`;
  const [, implementation, tagMajor, tagMinor] = /^(cp|py)(\d)(\d*)$/.exec(python) ?? [];
  if (implementation === undefined || Number(tagMajor) !== major) return undefined;
  const isOwn = `${tagMajor}${tagMinor}` === own;
  const isOlder = tagMinor === '' || Number(tagMinor) <= minor;
  if (implementation === 'cp' && isOwn && abi === `cp${own}`) return 900;
  if (implementation === 'cp' && abi === 'abi3' && tagMinor !== '' && isOlder) return 500 + Number(tagMinor);
  if (abi !== 'none') return undefined;
  if (implementation === 'cp') return isOwn ? 400 : undefined;
  return isOlder ? 100 + Number(tagMinor || 0) : undefined;
}
