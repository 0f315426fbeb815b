import { InvalidArgumentError } from 'commander';

/** A whole number from 1, for options. */
export function parseCount(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It should be a whole number from 1.');
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
