import { quote } from '@img/spec/quote';
import { parseRegistryHost, type RegistryHost } from '@img/spec/registry-host';
import { SpecError } from '@img/spec/spec-error';
import { CliError } from '../cli-error.ts';
import type { Setting } from './setting.ts';

/** Where a registry is and whether it is asked without encryption although it is on a network. */
export type RegistryAddress = { readonly host: RegistryHost; readonly isPlainHttp: boolean };

/**
 * Parses `host[:port]`, `https://host[:port]` or `http://host[:port]`.
 *
 * @throws CliError CONFIG_INVALID
 */
export function parseRegistryAddress({ text, origin }: Setting): RegistryAddress {
  const [, scheme, host = ''] = /^(?:(https?):\/\/)?(.*?)\/?$/s.exec(text) ?? [];
  // A word with a scheme before it can only be a host.
  const port = scheme !== undefined && /^[^.:]+$/.test(host) ? `:${scheme === 'http' ? 80 : 443}` : '';
  try {
    return { host: parseRegistryHost(`${host}${port}`), isPlainHttp: scheme === 'http' };
  } catch (cause) {
    if (!(cause instanceof SpecError)) throw cause;
    throw new CliError(
      'CONFIG_INVALID',
      `${origin}: ${quote(text)} should be the address of a registry, such as registry.example.com or 127.0.0.1:5000`,
      { cause },
    );
  }
}

/** @throws CliError CONFIG_INVALID */
export function checkAlias(name: string, { origin }: Setting): string {
  if (/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/.test(name) && name !== 'localhost') return name;
  throw new CliError(
    'CONFIG_INVALID',
    `${origin}: alias ${quote(name)} should be a word of lower-case letters, digits and dashes, and not localhost`,
  );
}
