import { quote } from '@img/spec/quote';
import { BuilderError } from '../builder-error.ts';
import type { Candidate } from './candidate.ts';
import type { Catalog } from './catalog.ts';
import { nearestNames } from './nearest-names.ts';

type Place = {
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
export function findRequests(catalog: Catalog, names: readonly string[], place: Place): readonly Candidate[] {
  return [...new Set(names.map((name) => findRequest(catalog, name, place)))];
}

function findRequest(catalog: Catalog, name: string, { where, website }: Place): Candidate {
  const candidate = catalog.candidate(name);
  if (candidate !== undefined) return candidate;
  const providers = [...new Set(catalog.providers(name).map((provider) => provider.candidate))];
  const [only] = providers;
  if (only !== undefined && providers.length === 1) return only;
  if (only !== undefined) {
    const choices = providers.map((provider) => provider.package.name).sort();
    throw new BuilderError('PACKAGE_AMBIGUOUS', `${quote(name)} is not a package but provided by several`, {
      hint: `name one of them: ${choices.slice(0, 10).join(', ')}`,
    });
  }
  const lookup = website === undefined ? 'in the archive' : `on ${website}`;
  const near = nearestNames(name, catalog.packageNames());
  throw new BuilderError('PACKAGE_UNKNOWN', `there is no package ${quote(name)} in ${where}`, {
    hint: near.length > 0 ? `did you mean ${near.join(' or ')}?` : `look for its name ${lookup}`,
  });
}
