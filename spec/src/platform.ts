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
  readonly osFeatures?: readonly string[];
};

const architectureNames: { readonly [name: string]: { architecture: string; variant?: string } } = {
  x86_64: { architecture: 'amd64' },
  'x86-64': { architecture: 'amd64' },
  x64: { architecture: 'amd64' },
  i386: { architecture: '386' },
  i686: { architecture: '386' },
  ia32: { architecture: '386' },
  aarch64: { architecture: 'arm64' },
  armhf: { architecture: 'arm', variant: 'v7' },
  armel: { architecture: 'arm', variant: 'v6' },
  ppc64el: { architecture: 'ppc64le' },
  mips64el: { architecture: 'mips64le' },
};

/**
 * Parses `os/architecture[/variant]`, with the usual other names of architectures (`x86_64`, `aarch64`, …).
 *
 * @throws SpecError PLATFORM_INVALID
 */
export function parsePlatform(text: string): Platform {
  const [os, architecture, variant, ...rest] = text.toLowerCase().split('/');
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
  const osFeatures = fields.optionalStrings('os.features', limits.jsonDepth);
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

/** Folds other names of the same thing together; `arm64/v8` is `arm64`, and `arm` alone is `arm/v7`. */
export function normalizePlatform(platform: Platform): Platform {
  const named = architectureNames[platform.architecture];
  const { variant: written, ...rest } = platform;
  const architecture = named?.architecture ?? platform.architecture;
  let variant = written ?? named?.variant;
  if (architecture === 'arm64' && (variant === 'v8' || variant === '8')) variant = undefined;
  if (architecture === 'amd64' && variant === 'v1') variant = undefined;
  if (architecture === 'arm') variant = armVariant(variant ?? 'v7');
  return { ...rest, architecture, ...(variant === undefined ? {} : { variant }) };
}

/**
 * How well something built for `offered` runs on `wanted`: undefined if not at all, else a number where a
 * higher one is better. Processors run what was built for older variants of themselves.
 */
export function platformScore(offered: Platform, wanted: Platform): number | undefined {
  const a = normalizePlatform(offered);
  const b = normalizePlatform(wanted);
  if (a.os !== b.os || a.architecture !== b.architecture) return undefined;
  if (a.osVersion !== undefined && b.osVersion !== undefined && a.osVersion !== b.osVersion) return undefined;
  if (a.variant === b.variant) return 100;
  const offeredLevel = variantLevel(a.variant);
  const wantedLevel = variantLevel(b.variant);
  if (offeredLevel === undefined || wantedLevel === undefined || offeredLevel > wantedLevel) return undefined;
  return offeredLevel;
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
  const offered = entries.flatMap((entry) =>
    entry.platform === undefined ? [] : [formatPlatform(entry.platform)],
  );
  const known = offered.filter((name) => name !== 'unknown/unknown');
  throw new SpecError(
    'PLATFORM_UNKNOWN',
    `no image for ${formatPlatform(wanted)} in the index, which has ${known.length > 0 ? known.join(', ') : 'none with a platform'}`,
  );
}

function alone(entries: readonly unknown[]): number | undefined {
  return entries.length === 1 ? 0 : undefined;
}

function armVariant(variant: string): string {
  return variant.startsWith('v') ? variant : `v${variant}`;
}

// v5 < v6 < v7 < v8; amd64 has v1 (no variant) to v4.
function variantLevel(variant: string | undefined): number | undefined {
  if (variant === undefined) return 1;
  const match = /^v?(\d{1,2})$/.exec(variant);
  return match === null ? undefined : Number(match[1]);
}

function isWord(text: string | undefined): text is string {
  return text !== undefined && /^[a-z0-9][a-z0-9._-]{0,63}$/.test(text);
}
