import { InvalidArgumentError } from 'commander';

/** Gathers what is given by an option that may stand several times. */
export function collectText(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text];
}

/** A whole number from 1, for options. */
export function parseCount(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It should be a whole number from 1.');
}

/** A whole number from 0, for options. */
export function parseIndex(text: string): number {
  if (/^(?:0|[1-9]\d{0,14})$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It should be a whole number from 0.');
}

const unitSeconds: { readonly [unit: string]: number } = {
  h: 3600,
  d: 86_400,
  w: 7 * 86_400,
  y: 365 * 86_400,
};

/** A length of time such as `12h`, `30d`, `8w` or `1y`, in seconds, for options. */
export function parseDuration(text: string): number {
  const [, count, unit = ''] = /^([1-9]\d{0,4})([hdwy])$/.exec(text) ?? [];
  if (count !== undefined) return Number(count) * (unitSeconds[unit] ?? 0);
  throw new InvalidArgumentError('It should be a number and h, d, w or y, such as 30d.');
}

const unitBytes: { readonly [unit: string]: number } = { kB: 1e3, MB: 1e6, GB: 1e9 };

/** A speed such as `50MB/s` in bytes per second, for options. */
export function parseRate(text: string): number {
  const [, count, unit = ''] = /^([1-9]\d{0,5})(kB|MB|GB)\/s$/.exec(text) ?? [];
  if (count !== undefined) return Number(count) * (unitBytes[unit] ?? 0);
  throw new InvalidArgumentError('It should be a number and kB/s, MB/s or GB/s, such as 50MB/s.');
}

const momentUnitSeconds: { readonly [unit: string]: number } = { s: 1, m: 60, h: 3600, d: 86_400 };

/** A time as `10m` ago (s, m, h, d) or as RFC 3339 writes it, for options. */
export function parseMoment(text: string, now: Date): Date {
  const [, count, unit = ''] = /^(\d{1,9})([smhd])$/.exec(text) ?? [];
  if (count !== undefined) {
    return new Date(now.getTime() - Number(count) * (momentUnitSeconds[unit] ?? 0) * 1000);
  }
  const time = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : Number.NaN;
  if (!Number.isNaN(time)) return new Date(time);
  throw new InvalidArgumentError('It should be such as 30s, 10m, 2h or 1d ago, or 2026-01-31T12:00:00Z.');
}
