import { quote } from '@img/spec/quote';
import { CliError } from '../cli-error.ts';

declare const keyNameBrand: unique symbol;

/** What a key in the key folder is called, such as `alice`; also the name of its files. */
export type KeyName = string & { readonly [keyNameBrand]: true };

/** @throws CliError USAGE */
export function parseKeyName(text: string): KeyName {
  if (isKeyName(text)) return text;
  throw new CliError(
    'USAGE',
    `name of a key ${quote(text)} should be 1 to 64 lower-case letters, digits, "_", "@", "+" or "-"`,
    { hint: 'for example alice or ci-2026' },
  );
}

/** Without dots, so that names are never mistaken for the names of files. */
export function isKeyName(text: string): text is KeyName {
  return /^[a-z0-9][a-z0-9_@+-]{0,63}$/.test(text);
}
