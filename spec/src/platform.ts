import type { JsonFields } from './json-fields.ts';
import { limits } from './limits.ts';
import { quote } from './quote.ts';
import { SpecError } from './spec-error.ts';

/** Operating system and processor, in Go's words (image-spec, image-index.md#platform-object). */
export type Platform = {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
  readonly osVersion?: string;
  /** Features that the host must have. */
  readonly osFeatures?: readonly string[];
};

type Processor = { readonly architecture: string; readonly variant?: string };

// Names that uname, Node, Debian and Docker use for what Go calls otherwise.
const processors: ReadonlyMap<string, Processor> = new Map<string, Processor>([
  ['x86_64', { architecture: 'amd64' }],
  ['x86-64', { architecture: 'amd64' }],
  ['x64', { architecture: 'amd64' }],
  ['i386', { architecture: '386' }],
  ['i686', { architecture: '386' }],
  ['ia32', { architecture: '386' }],
  ['aarch64', { architecture: 'arm64' }],
  ['armhf', { architecture: 'arm', variant: 'v7' }],
  ['armel', { architecture: 'arm', variant: 'v6' }],
  ['ppc64el', { architecture: 'ppc64le' }],
  ['mips64el', { architecture: 'mips64le' }],
]);

// What every processor of the architecture has.
const baselines: ReadonlyMap<string, string> = new Map([
  ['amd64', 'v1'],
  ['arm64', 'v8'],
]);

/**
 * Parses `os/architecture[/variant]`, with the usual other names of architectures (`x86_64`, `aarch64`, …).
 *
 * @throws SpecError PLATFORM_INVALID
 */
export function parsePlatform(text: string): Platform {
  const [os, architecture, variant, ...rest] = text.toLowerCase().split('/', 4);
  if (
    !isWord(os) ||
    !isWord(architecture) ||
    (variant !== undefined && !isWord(variant)) ||
    rest.length > 0
  ) {
    throw new SpecError(
      'PLATFORM_INVALID',
      `platform ${quote(text)} should be os/architecture or os/architecture/variant, for example linux/arm64`,
    );
  }
  return normalizePlatform({ os, architecture, ...(variant === undefined ? {} : { variant }) });
}

/** Reads a platform from a JSON object; used for indexes and for the top of an image config. */
export function platformFrom(fields: JsonFields): Platform {
  const variant = fields.optionalString('variant');
  const osVersion = fields.optionalString('os.version');
  const osFeatures = fields.optionalStrings('os.features', limits.descriptorItems);
  return {
    os: fields.string('os'),
    architecture: fields.string('architecture'),
    ...(variant === undefined || variant === '' ? {} : { variant }),
    ...(osVersion === undefined ? {} : { osVersion }),
    ...(osFeatures === undefined ? {} : { osFeatures }),
  };
}

export function formatPlatform({ os, architecture, variant }: Platform): string {
  return variant === undefined ? `${os}/${architecture}` : `${os}/${architecture}/${variant}`;
}

/**
 * Folds other names of the same thing together, as containerd does: lower case, `macos` is `darwin`, `x86_64`
 * is `amd64`; the variant that every processor of an architecture has is left out (`amd64/v1`, `arm64/v8`), and
 * `arm` alone is `arm/v7`.
 */
export function normalizePlatform(platform: Platform): Platform {
  const { variant: written, ...rest } = platform;
  const os = platform.os.toLowerCase();
  const named = processors.get(platform.architecture.toLowerCase());
  const architecture = named?.architecture ?? platform.architecture.toLowerCase();
  const variant = normalizeVariant(architecture, named?.variant ?? written?.toLowerCase());
  return {
    ...rest,
    os: os === 'macos' ? 'darwin' : os,
    architecture,
    ...(variant === undefined ? {} : { variant }),
  };
}

/**
 * How well something built for `offered` runs on `wanted`: undefined if not at all, else a number where a
 * higher one is better. Processors run what was built for older variants of themselves, so `amd64/v2` runs on
 * `amd64/v3`; another architecture is never taken, although some processors run two.
 */
export function platformScore(offered: Platform, wanted: Platform): number | undefined {
  const a = normalizePlatform(offered);
  const b = normalizePlatform(wanted);
  if (a.os !== b.os || a.architecture !== b.architecture) return undefined;
  if (a.osVersion !== undefined && b.osVersion !== undefined && a.osVersion !== b.osVersion) return undefined;
  if (a.osFeatures?.some((feature) => !b.osFeatures?.includes(feature))) return undefined;
  if (a.variant === b.variant) return Number.MAX_SAFE_INTEGER;
  return variantScore(a.architecture, a.variant, b.variant);
}

/**
 * The entry of an index that fits the platform best; the first of equals.
 *
 * @throws SpecError PLATFORM_UNKNOWN naming what there is
 */
export function selectPlatform<Entry extends { readonly platform?: Platform }>(
  entries: readonly Entry[],
  wanted: Platform,
): Entry {
  let best: { entry: Entry; score: number } | undefined;
  for (const entry of entries) {
    // An entry without a platform says nothing about where it runs, so it is taken only if it is alone.
    const score = entry.platform === undefined ? alone(entries) : platformScore(entry.platform, wanted);
    if (score !== undefined && (best === undefined || score > best.score)) best = { entry, score };
  }
  if (best !== undefined) return best.entry;
  throw new SpecError(
    'PLATFORM_UNKNOWN',
    `no image for ${formatPlatform(wanted)} in the index, which has ${platformsOf(entries)}`,
  );
}

function alone(entries: readonly unknown[]): number | undefined {
  return entries.length === 1 ? 0 : undefined;
}

function platformsOf(entries: readonly { readonly platform?: Platform }[]): string {
  const names = entries
    .flatMap(({ platform }) => (platform === undefined ? [] : [formatPlatform(platform)]))
    // How buildx marks the attestations that it puts beside images.
    .filter((name) => name !== 'unknown/unknown');
  return names.length === 0 ? 'none with a platform' : quote([...new Set(names)].join(', '));
}

function normalizeVariant(architecture: string, variant: string | undefined): string | undefined {
  const prefixed = variant !== undefined && /^\d/.test(variant) ? `v${variant}` : variant;
  const short = prefixed?.replace(/\.0$/, '');
  if (architecture === 'arm') return short ?? 'v7';
  return short === baselines.get(architecture) ? undefined : short;
}

function variantScore(
  architecture: string,
  offered: string | undefined,
  wanted: string | undefined,
): number | undefined {
  const a = variantNumbers(offered ?? baselines.get(architecture));
  const b = variantNumbers(wanted ?? baselines.get(architecture));
  // Without a variant it was built for every processor of the architecture, also for those whose names say nothing.
  if (a === undefined || b === undefined) return offered === undefined ? 0 : undefined;
  return runsOn(architecture, a, b) ? a.major * 100 + a.minor : undefined;
}

type Variant = { readonly major: number; readonly minor: number };

function runsOn(architecture: string, offered: Variant, wanted: Variant): boolean {
  if (offered.major === wanted.major) return offered.minor <= wanted.minor;
  // Armv9.x has everything of Armv8.(x + 5).
  return offered.major < wanted.major && (architecture !== 'arm64' || offered.minor <= wanted.minor + 5);
}

function variantNumbers(variant: string | undefined): Variant | undefined {
  const match = /^v(\d{1,2})(?:\.(\d{1,2}))?$/.exec(variant ?? '');
  return match === null ? undefined : { major: Number(match[1]), minor: Number(match[2] ?? 0) };
}

function isWord(text: string | undefined): text is string {
  return text !== undefined && /^[a-z0-9][a-z0-9._-]{0,63}$/.test(text);
}
