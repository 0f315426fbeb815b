import { limits } from './limits.ts';
import { quote } from './quote.ts';
import { SpecError } from './spec-error.ts';

declare const repositoryBrand: unique symbol;

/** The name of a repository inside a registry, such as `com.example.app` or `library/nginx`. */
export type RepositoryName = string & { readonly [repositoryBrand]: true };

// distribution-spec, "Pulling manifests". Separators are spelled out so that no input makes it backtrack.
const component = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*';
const pattern = new RegExp(`^${component}(?:/${component})*$`);

/** @throws SpecError NAME_INVALID */
export function parseRepositoryName(text: string): RepositoryName {
  if (!isRepositoryName(text)) {
    throw new SpecError(
      'NAME_INVALID',
      `name ${quote(text)} should be lower-case letters and digits, separated by single ".", "_", "__" or "-", ` +
        `in parts separated by "/", ${limits.nameCharacters} characters at most`,
    );
  }
  return text;
}

export function isRepositoryName(text: string): text is RepositoryName {
  return text.length <= limits.nameCharacters && pattern.test(text);
}
