import { quote } from '@img/spec/quote';
import { RegistryError } from '../registry-error.ts';
import type { Answer } from './transport.ts';

// A list of this many pages is one without end.
const maxPages = 10_000;

/**
 * Follows the pages of a list (distribution-spec, "Listing Tags"). Links that leave the registry's own origin
 * are refused, because the next request carries its credentials; so are links in a circle.
 */
export class Pages {
  readonly #what: string;
  readonly #seen = new Set<string>();

  /** @param what what is being done, for messages */
  constructor(what: string) {
    this.#what = what;
  }

  /** @throws RegistryError LINK_REFUSED */
  next(answer: Answer): URL | undefined {
    const header = answer.header('link');
    const target = header === undefined ? undefined : nextTarget(header);
    if (target === undefined) return undefined;
    const url = URL.parse(target, answer.url.href);
    if (url === null || url.origin !== answer.url.origin) {
      throw this.#refused(`the next page is said to be at ${quote(target)}, outside of the registry`);
    }
    if (this.#seen.has(url.href) || this.#seen.size === maxPages)
      throw this.#refused('the pages have no end');
    this.#seen.add(url.href);
    return url;
  }

  #refused(reason: string): RegistryError {
    return new RegistryError('LINK_REFUSED', `could not ${this.#what}: ${reason}`);
  }
}

/** The target of the link with `rel="next"` (RFC 8288 section 3), if there is one. */
function nextTarget(header: string): string | undefined {
  for (const [, target, parameters] of header.matchAll(/<([^<>]*)>((?:[^<,"]|"[^"]*")*)/g)) {
    if (/;\s*rel\s*=\s*(?:"next"|next(?![\w-]))/i.test(parameters ?? '')) return target;
  }
  return undefined;
}
