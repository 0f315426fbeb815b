import { isAbsolute, join, resolve } from 'node:path';
import { quote } from '@img/spec/quote';
import { RuntimeError } from '../runtime-error.ts';

/** A file of the host of which the app gets a copy in memory that only it can read. */
export type Secret = {
  /** Its name in {@link secretsFolder}. */
  readonly name: string;
  /** An absolute path on the host. */
  readonly source: string;
};

/** Where an app finds its secrets. */
export const secretsFolder = '/run/secrets';

/**
 * Reads `NAME=FILE`, or `NAME` alone for a credential that systemd passes to the unit (systemd.exec(5),
 * `LoadCredential=`).
 *
 * @param folder what a relative file is relative to
 * @param credentials `$CREDENTIALS_DIRECTORY`
 * @throws RuntimeError SECRET_INVALID
 */
export function parseSecret(text: string, folder: string, credentials: string | undefined): Secret {
  const equals = text.indexOf('=');
  const name = equals < 0 ? text : text.slice(0, equals);
  if (!/^[A-Za-z0-9_][\w.-]{0,63}$/.test(name)) {
    throw new RuntimeError(
      'SECRET_INVALID',
      `secret name ${quote(name)} should be letters, digits, ".", "_" and "-", 64 at most`,
    );
  }
  if (equals >= 0 && text.length > equals + 1)
    return { name, source: resolve(folder, text.slice(equals + 1)) };
  if (equals < 0 && credentials !== undefined && isAbsolute(credentials)) {
    return { name, source: join(credentials, name) };
  }
  throw new RuntimeError('SECRET_INVALID', `secret ${quote(text)} should be NAME=FILE`, {
    hint: 'a name alone is for a credential of systemd, and there is no CREDENTIALS_DIRECTORY',
  });
}
