import { quote } from '@img/spec/quote';
import { RuntimeError } from '../runtime-error.ts';

const units: { readonly [unit: string]: number } = { '': 1, b: 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 };

/**
 * Reads a number of bytes such as `512m`, `64k`, `1.5g` or `4096`; units are powers of 1024.
 *
 * @param what how a message names the value, for example `memory`
 * @throws RuntimeError LIMIT_INVALID
 */
export function parseByteSize(text: string, what: string): number {
  const match = /^(\d{1,12}(?:\.\d{1,3})?)([bkmg]?)(?:i?b)?$/i.exec(text);
  const bytes =
    match === null ? 0 : Math.floor(Number(match[1]) * (units[match[2]?.toLowerCase() ?? ''] ?? 0));
  if (bytes > 0 && Number.isSafeInteger(bytes)) return bytes;
  throw new RuntimeError('LIMIT_INVALID', `${what} ${quote(text)} should be a size such as 512m or 2g`);
}
