import { quote } from '@img/spec/quote';
import { RuntimeError } from '../runtime-error.ts';

/**
 * A name for a container in its own eyes: labels of letters, digits and `-` (RFC 1123), 64 characters at most, as
 * many as the kernel takes.
 *
 * @throws RuntimeError HOSTNAME_INVALID
 */
export function parseHostname(text: string): string {
  const label = '[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?';
  if (text.length <= 64 && new RegExp(`^${label}(?:\\.${label})*$`).test(text)) return text;
  throw new RuntimeError(
    'HOSTNAME_INVALID',
    `host name ${quote(text)} should be letters, digits, "-" and ".", 64 characters at most`,
  );
}
