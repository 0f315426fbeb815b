import { openKeyFile } from '@img/sign/key-file';
import { type PrivateKey, parsePrivateKeyPem } from '@img/sign/private-key';
import { quote } from '@img/spec/quote';
import { CliError } from '../cli-error.ts';
import { KeyFolder, readPrivateFile } from './key-folder.ts';
import { isKeyName } from './key-name.ts';
import { type PassphraseSource, readPassphrase } from './passphrase.ts';

/**
 * Opens the private key that a person names: by its name in the key folder or by the path of its file, encrypted
 * or not.
 *
 * @throws CliError KEY_UNKNOWN, KEY_UNSAFE, PASSPHRASE_MISSING, CANCELLED; SignError PASSPHRASE_WRONG, KEY_…
 */
export async function openPrivateKey(
  nameOrPath: string,
  keysFolder: string,
  source: PassphraseSource,
): Promise<PrivateKey> {
  const text = isKeyName(nameOrPath)
    ? await new KeyFolder(keysFolder).privateKeyFile(nameOrPath)
    : await readPrivateFile(nameOrPath);
  if (text === undefined) {
    throw new CliError('KEY_UNKNOWN', `there is no file ${quote(nameOrPath)}`, {
      hint: 'img key list shows the keys that have names',
    });
  }
  if (!isEncrypted(text)) return parsePrivateKeyPem(text);
  return await openKeyFile(text, await readPassphrase(nameOrPath, source));
}

export function isEncrypted(pem: string): boolean {
  return pem.trimStart().startsWith('-----BEGIN ENCRYPTED ');
}
