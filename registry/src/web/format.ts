import { type Html, html } from './html.ts';

const units = ['B', 'kB', 'MB', 'GB', 'TB'] as const;

/** A size with three digits at most. */
export function sizeText(bytes: number): string {
  let value = bytes;
  let unit = 0;
  // Not 1000, which 999.5 and more would be written as.
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 || value >= 99.5 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

/** A moment in UTC, to the minute. */
export function timeHtml(ms: number): Html {
  const text = new Date(ms).toISOString();
  return html`<time class="time" datetime="${text}">${text.slice(0, 16).replace('T', ' ')} UTC</time>`;
}

/** The beginning of a digest, enough to tell it from others. */
export function shortDigest(digest: string): string {
  return digest.slice(0, digest.indexOf(':') + 13);
}
