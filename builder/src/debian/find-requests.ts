import { quote } from '@img/spec/quote';
import { BuilderError } from '../builder-error.ts';
import type { Candidate } from './candidate.ts';
import type { Catalog } from './catalog.ts';
import { nearestNames } from './nearest-names.ts';

/** How messages speak of a catalog. */
export type RequestPlace = {
  /** How messages name the catalog, for example `debian:13 for amd64`. */
  readonly where: string;
  /** Where people can look for names. */
  readonly website: string | undefined;
};

/**
 * The packages that names stand for: the package of the name, or the only one that provides it.
 *
 * @throws BuilderError PACKAGE_UNKNOWN, PACKAGE_AMBIGUOUS
 */
export function findRequests(
  catalog: Catalog,
  names: readonly string[],
  place: RequestPlace,
): readonly Candidate[] {
  const unknown: string[] = [];
  const found = names.flatMap((name) => {
    const candidates = findRequest(catalog, name);
    if (candidates.length === 0) unknown.push(name);
    return candidates;
  });
  if (unknown.length > 0) throw unknownError(catalog, unknown, place);
  return [...new Set(found)];
}

/** All that are mistyped at once. */
function unknownError(
  catalog: Catalog,
  names: readonly string[],
  { where, website }: RequestPlace,
): BuilderError {
  const known = catalog.packageNames();
  const isOne = names.length === 1;
  const hints = names.map((name) => {
    const near = nearestNames(name, known);
    if (near.length > 0) return `did you mean ${near.join(' or ')}${isOne ? '' : ` for ${quote(name)}`}?`;
    return `look for ${isOne ? 'its name' : quote(name)} ${website === undefined ? 'in the archive' : `on ${website}`}`;
  });
  const list = names.map((name) => quote(name)).join(', ');
  const text = `there ${isOne ? 'is no package' : 'are no packages'} ${list} in ${where}`;
  return new BuilderError('PACKAGE_UNKNOWN', text, { hint: hints.join(' ') });
}

/** What a name stands for; nothing if it is unknown. */
function findRequest(catalog: Catalog, name: string): readonly Candidate[] {
  const candidate = catalog.candidate(name);
  if (candidate !== undefined) return [candidate];
  const providers = [...new Set(catalog.providers(name).map((provider) => provider.candidate))];
  if (providers.length < 2) return providers;
  const choices = providers.map((provider) => provider.package.name).sort();
  throw new BuilderError('PACKAGE_AMBIGUOUS', `${quote(name)} is not a package but provided by several`, {
    hint: `name one of them: ${choices.slice(0, 10).join(', ')}`,
  });
}
