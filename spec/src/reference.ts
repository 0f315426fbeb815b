import { type Digest, parseDigest } from './digest.ts';
import { limits } from './limits.ts';
import { quote } from './quote.ts';
import { parseRegistryHost, type RegistryHost } from './registry-host.ts';
import { parseRepositoryName, type RepositoryName } from './repository-name.ts';
import { SpecError } from './spec-error.ts';
import { latestTag, parseTag, type Tag } from './tag.ts';

/** The registries that names are resolved against; comes from the configuration. */
export type Registries = {
  /** The registry of a name that begins with none. */
  readonly default: RegistryHost;
  /** Short names, such as `quay-local`: single words, without dot and colon, and not `localhost`. */
  readonly aliases: ReadonlyMap<string, RegistryHost>;
};

/** One image in one registry. Has a tag, a digest or both; with both, the digest decides and the tag is a claim. */
export type Reference = {
  readonly registry: RegistryHost;
  readonly repository: RepositoryName;
  readonly tag: Tag | undefined;
  readonly digest: Digest | undefined;
};

/** What the text of a reference says, before defaults are filled in. */
export type WrittenReference = {
  readonly registry: RegistryHost | undefined;
  readonly repository: RepositoryName;
  readonly tag: Tag | undefined;
  readonly digest: Digest | undefined;
};

/**
 * Parses `[registry/]name[:tag][@digest]`. The first part is a registry if a slash follows and it is an alias,
 * has a dot or a colon, or is `localhost`.
 *
 * @throws SpecError REFERENCE_INVALID, NAME_INVALID, TAG_INVALID, DIGEST_INVALID
 */
export function parseWrittenReference(text: string, aliases: Registries['aliases']): WrittenReference {
  if (text.length > 1024) throw new SpecError('REFERENCE_INVALID', `reference ${quote(text)} is too long`);
  if (text === '') throw new SpecError('REFERENCE_INVALID', 'reference is empty');
  const [beforeDigest, digestText] = cutAtFirst(text, '@');
  const [registry, path] = splitRegistry(beforeDigest, aliases);
  // A tag can't hold a slash, so only a colon after the last slash begins one.
  const colon = path.indexOf(':', path.lastIndexOf('/') + 1);
  const repository = parseRepositoryName(colon < 0 ? path : path.slice(0, colon));
  const tag = colon < 0 ? undefined : parseTag(path.slice(colon + 1));
  const digest = digestText === undefined ? undefined : parseDigest(digestText);
  if (registry !== undefined) checkLength(registry, repository);
  return { registry, repository, tag, digest };
}

/**
 * Parses a reference and fills in the default registry and, without tag and digest, the tag `latest`.
 *
 * @throws SpecError REFERENCE_INVALID, NAME_INVALID, TAG_INVALID, DIGEST_INVALID
 */
export function parseReference(text: string, registries: Registries): Reference {
  const written = parseWrittenReference(text, registries.aliases);
  const registry = written.registry ?? registries.default;
  checkLength(registry, written.repository);
  return {
    registry,
    repository: written.repository,
    tag: written.tag ?? (written.digest === undefined ? latestTag : undefined),
    digest: written.digest,
  };
}

/** The reference in full: `host/name:tag@digest`. */
export function formatReference({ registry, repository, tag, digest }: Reference): string {
  return `${registry}/${repository}${tag === undefined ? '' : `:${tag}`}${digest === undefined ? '' : `@${digest}`}`;
}

/**
 * The shortest text that means the same to this configuration: without the default registry, or with an alias
 * instead of the host. Parses back to the same reference.
 */
export function formatShortReference(reference: Reference, registries: Registries): string {
  const full = formatReference(reference);
  const name = full.slice(reference.registry.length + 1);
  const first = cutAtFirst(name, '/')[0];
  const isName = first === name || !(registries.aliases.has(first) || looksLikeRegistry(first));
  if (reference.registry === registries.default && isName) return name;
  for (const [alias, host] of registries.aliases) if (host === reference.registry) return `${alias}/${name}`;
  return full;
}

// distribution-spec, "Pulling manifests": many clients accept no more.
function checkLength(registry: RegistryHost, repository: RepositoryName): void {
  if (registry.length + 1 + repository.length <= limits.nameCharacters) return;
  throw new SpecError(
    'NAME_INVALID',
    `registry and name ${quote(`${registry}/${repository}`)} have more than ${limits.nameCharacters} characters together`,
  );
}

function splitRegistry(
  text: string,
  aliases: Registries['aliases'],
): [registry: RegistryHost | undefined, path: string] {
  const [first, rest] = cutAtFirst(text, '/');
  if (rest === undefined) return [undefined, text];
  const alias = aliases.get(first);
  if (alias !== undefined) return [alias, rest];
  return looksLikeRegistry(first) ? [parseRegistryHost(first), rest] : [undefined, text];
}

function looksLikeRegistry(first: string): boolean {
  return first.includes('.') || first.includes(':') || first === 'localhost';
}

function cutAtFirst(text: string, separator: string): [before: string, after: string | undefined] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}
