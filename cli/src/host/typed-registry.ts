import { nearest } from '@img/spec/nearest';
import { quote } from '@img/spec/quote';
import { parseRegistryHost, type RegistryHost } from '@img/spec/registry-host';
import { SpecError } from '@img/spec/spec-error';
import { CliError } from '../cli-error.ts';
import type { Config } from '../config/config.ts';

/**
 * The registry that somebody typed: an alias or an address; the default one for nothing.
 *
 * @throws CliError USAGE
 */
export function typedRegistry(text: string | undefined, { registries }: Config): RegistryHost {
  if (text === undefined) return registries.default;
  const alias = registries.aliases.get(text);
  if (alias !== undefined) return alias;
  try {
    return parseRegistryHost(text);
  } catch (cause) {
    if (!(cause instanceof SpecError)) throw cause;
    const similar = nearest(text, registries.aliases.keys());
    const known = [...registries.aliases.keys()].join(', ');
    throw new CliError('USAGE', `${quote(text)} is neither an alias nor the address of a registry`, {
      cause,
      hint: similar === undefined ? `aliases are ${known}` : `did you mean ${similar}?`,
    });
  }
}
