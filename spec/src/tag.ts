import { quote } from './quote.ts';
import { SpecError } from './spec-error.ts';

declare const tagBrand: unique symbol;

/** A tag, such as `1.4.0`. */
export type Tag = string & { readonly [tagBrand]: true };

// distribution-spec, "Pulling manifests".
const pattern = /^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/;

/** @throws SpecError TAG_INVALID */
export function parseTag(text: string): Tag {
  if (!isTag(text)) {
    throw new SpecError(
      'TAG_INVALID',
      `tag ${quote(text)} should be 1 to 128 letters, digits, ".", "_" or "-" and not begin with "." or "-"`,
    );
  }
  return text;
}

export function isTag(text: string): text is Tag {
  return pattern.test(text);
}

/** The tag that a reference without tag and digest stands for. */
export const latestTag = 'latest' as Tag;
