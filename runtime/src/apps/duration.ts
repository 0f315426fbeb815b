import { quote } from '@img/spec/quote';
import { RuntimeError } from '../runtime-error.ts';

const unitSeconds: { readonly [unit: string]: number } = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };

/**
 * Reads a length of time such as `30s`, `5m`, `48h` or `2d`; `0` and `0s` are none.
 *
 * @param what how a message names the value
 * @returns seconds
 * @throws RuntimeError APP_INVALID
 */
export function parseSeconds(text: string, what: string): number {
  const [, digits, unit = 's'] = /^(\d{1,7})([smhdw])$/.exec(text) ?? /^(0)$/.exec(text) ?? [];
  if (digits !== undefined) return Number(digits) * (unitSeconds[unit] ?? 0);
  throw new RuntimeError(
    'APP_INVALID',
    `${what} ${quote(text)} should be a number and s, m, h, d or w, such as 30s`,
  );
}
