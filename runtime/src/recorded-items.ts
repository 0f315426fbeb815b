import type { Decision } from '@img/sign/decision';
import type { InsecureItem } from './config/insecure-item.ts';

/**
 * What is recorded of what was given up: only what made a difference, for an image that is trusted all the same runs as
 * any other.
 */
export function recordedItems(
  insecure: readonly InsecureItem[],
  { trusted }: Pick<Decision, 'trusted'>,
): readonly InsecureItem[] {
  return trusted ? insecure.filter((item) => item !== 'signature') : insecure;
}
