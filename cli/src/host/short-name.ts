import { formatShortReference, type Reference } from '@img/spec/reference';
import type { RegistryHost } from '@img/spec/registry-host';
import type { Config } from '../config/config.ts';

/** A reference, or the repository as a whole where it has neither tag nor digest. */
export type NamedPlace = Pick<Reference, 'registry' | 'repository'> & Partial<Reference>;

/** How a person would type the reference. */
export function shortName({ registry, repository, tag, digest }: NamedPlace, { registries }: Config): string {
  return formatShortReference({ registry, repository, tag, digest }, registries);
}

/** The short name that is configured for a registry. */
export function aliasOf(registry: RegistryHost, { registries }: Config): string | undefined {
  return [...registries.aliases].find(([, address]) => address === registry)?.[0];
}

/** A digest as lists show it: enough to tell images apart, and to type. */
export function shortDigest(digest: string): string {
  return digest.slice(0, digest.indexOf(':') + 13);
}
