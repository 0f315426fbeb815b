import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const preload = pathToFileURL(join(import.meta.dirname, 'shifted-clock.ts'));

/** Variables of a command whose clock is so many seconds ahead, or behind. */
export function wrongClock(seconds: number): { readonly [name: string]: string } {
  return { NODE_OPTIONS: `--import=${preload}`, IMG_TEST_CLOCK_SECONDS: String(seconds) };
}
