import type { RepositoryLocation } from '@img/registry/transfer/content';
import { parseReference, parseWrittenReference, type Reference } from '@img/spec/reference';
import { parseArgument } from '../argument.ts';
import type { Config } from '../config/config.ts';

/**
 * The reference that somebody typed, in full.
 *
 * @throws CliError USAGE
 */
export function typedReference(text: string, { registries }: Config): Reference {
  return parseArgument((typed) => parseReference(typed, registries), text);
}

/** A reference that says nothing of a tag or a digest means the repository as a whole. */
export type TypedRepository = {
  readonly location: RepositoryLocation;
  /** With the tag that counts where none was typed. */
  readonly full: Reference;
  /** Undefined if neither was typed. */
  readonly reference: Reference | undefined;
};

/**
 * What somebody typed where a name without a tag stands for everything under that name.
 *
 * @throws CliError USAGE
 */
export function typedRepository(text: string, config: Config): TypedRepository {
  const { registries } = config;
  const written = parseArgument((typed) => parseWrittenReference(typed, registries.aliases), text);
  const full = typedReference(text, config);
  const location = { registry: full.registry, repository: full.repository };
  const isWhole = written.tag === undefined && written.digest === undefined;
  return { location, full, reference: isWhole ? undefined : full };
}
