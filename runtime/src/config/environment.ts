import { quote } from '@img/spec/quote';
import { RuntimeError } from '../runtime-error.ts';

/** Debian's path of root; for images that set none. */
export const defaultPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/**
 * The environment of the process: the image's, over it the caller's, and defaults for names that neither sets
 * (image-spec, conversion.md#verbatim-fields: a default never changes what the image says). Each name stands
 * once, at its first place with its last value: C libraries and shells disagree about which of two counts.
 *
 * Entries of the image that name nothing (`=x`, or no `=` at all) can't be passed on by any runtime and are left
 * out.
 *
 * @param overrides `NAME=value` each
 * @throws RuntimeError ENVIRONMENT_INVALID for overrides that name nothing, and for a NUL in any entry
 */
export function mergeEnvironment(
  image: readonly string[],
  overrides: readonly string[],
  defaults: { readonly [name: string]: string },
): readonly string[] {
  const merged = new Map<string, string>();
  for (const entry of image) {
    const name = nameOf(entry);
    if (name !== undefined) merged.set(name, withoutNul(entry));
  }
  for (const entry of overrides) {
    const name = nameOf(entry);
    if (name === undefined) {
      throw new RuntimeError(
        'ENVIRONMENT_INVALID',
        `environment variable ${quote(entry)} should be NAME=value`,
      );
    }
    merged.set(name, withoutNul(entry));
  }
  for (const [name, value] of Object.entries(defaults)) {
    if (!merged.has(name)) merged.set(name, `${name}=${value}`);
  }
  return [...merged.values()];
}

/** The value of a variable in a merged environment. */
export function environmentValue(environment: readonly string[], name: string): string | undefined {
  return environment.find((entry) => entry.startsWith(`${name}=`))?.slice(name.length + 1);
}

function nameOf(entry: string): string | undefined {
  const equals = entry.indexOf('=');
  return equals <= 0 ? undefined : entry.slice(0, equals);
}

function withoutNul(entry: string): string {
  if (entry.includes('\0')) {
    throw new RuntimeError('ENVIRONMENT_INVALID', `environment variable ${quote(entry)} has a NUL in it`);
  }
  return entry;
}
