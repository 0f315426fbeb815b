import { quote } from '@img/spec/quote';
import { RuntimeError } from '../runtime-error.ts';

declare const brand: unique symbol;

/** What a caller calls a container, such as `web`. */
export type ContainerName = string & { readonly [brand]: true };

/**
 * Reads a name: letters, digits, `.`, `_` and `-`, the first a letter or a digit, 63 at most. Sixteen hex characters
 * are an id, and no name.
 *
 * @throws RuntimeError CONTAINER_NAME_INVALID
 */
export function parseContainerName(text: string): ContainerName {
  const isName = /^[A-Za-z0-9][\w.-]{0,62}$/.test(text) && !/^[0-9a-f]{16}$/.test(text);
  if (isName) return text as ContainerName;
  throw new RuntimeError(
    'CONTAINER_NAME_INVALID',
    `container name ${quote(text)} should be letters, digits, ".", "_" and "-", 63 at most, and no id`,
  );
}
