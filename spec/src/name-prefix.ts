import { quote } from './quote.ts';
import { isRepositoryName, type RepositoryName } from './repository-name.ts';
import { SpecError } from './spec-error.ts';

declare const prefixBrand: unique symbol;

/**
 * What a rule covers: `com.example.app` (that name and everything below it), `com.example.` or `com.example/`
 * (everything below it) or `*` (every name).
 */
export type NamePrefix = string & { readonly [prefixBrand]: true };

/**
 * Parses a prefix; `com.example.*` and `com.example/*` are accepted as other spellings of `com.example.` and
 * `com.example/`.
 *
 * @throws SpecError PREFIX_INVALID
 */
export function parseNamePrefix(text: string): NamePrefix {
  const prefix = /[./]\*$/.test(text) ? text.slice(0, -1) : text;
  if (prefix === '*' || isRepositoryName(prefix.replace(/[./]$/, ''))) return prefix as NamePrefix;
  throw new SpecError(
    'PREFIX_INVALID',
    `prefix ${quote(text)} should be a name such as com.example.app, the beginning of names such as com.example. or ` +
      'com.example/, or * for all names',
  );
}

/**
 * Whether the prefix covers the name, on label boundaries: a rule for `com.example.app` covers
 * `com.example.app`, `com.example.app.worker` and `com.example.app/worker`, never `com.example.apps`.
 */
export function coversName(prefix: NamePrefix, name: RepositoryName): boolean {
  if (prefix === '*') return true;
  if (!name.startsWith(prefix)) return false;
  if (prefix.endsWith('.') || prefix.endsWith('/')) return true;
  const next = name[prefix.length];
  return next === undefined || next === '.' || next === '/';
}

/** The most specific prefix that covers the name; specific means longer, and `*` is the least. */
export function mostSpecificPrefix(
  prefixes: Iterable<NamePrefix>,
  name: RepositoryName,
): NamePrefix | undefined {
  let best: NamePrefix | undefined;
  for (const prefix of prefixes) {
    if (coversName(prefix, name) && (best === undefined || weight(prefix) > weight(best))) best = prefix;
  }
  return best;
}

function weight(prefix: NamePrefix): number {
  return prefix === '*' ? 0 : prefix.length;
}
