import { openKeyFile, sealKeyFile } from '@img/sign/key-file';
import { generatePrivateKey, type PrivateKey, parsePrivateKeyPem } from '@img/sign/private-key';
import { quote } from '@img/spec/quote';
import { CliError } from '../cli-error.ts';
import { type KeyEntry, type KeyFolder, readPrivateFile } from './key-folder.ts';
import type { KeyName } from './key-name.ts';
import { isEncrypted } from './open-signer.ts';
import { type PassphraseSource, readNewPassphrase, readPassphrase } from './passphrase.ts';

/**
 * Makes a new key and stores it under a passphrase.
 *
 * @throws CliError KEY_EXISTS, PASSPHRASE_MISSING, USAGE, CANCELLED
 */
export async function createKey(
  folder: KeyFolder,
  name: KeyName,
  source: PassphraseSource,
): Promise<KeyEntry> {
  await folder.checkFree(name);
  return await seal(folder, name, generatePrivateKey(), source);
}

/**
 * Stores the private key of a file: an encrypted one, made here or by cosign, as it is once its passphrase has
 * opened it; another under a new passphrase.
 *
 * @throws CliError KEY_EXISTS, KEY_UNKNOWN, KEY_UNSAFE, PASSPHRASE_MISSING, USAGE, CANCELLED; SignError
 */
export async function importKey(
  folder: KeyFolder,
  name: KeyName,
  path: string,
  source: PassphraseSource,
): Promise<KeyEntry> {
  await folder.checkFree(name);
  const text = await readPrivateFile(path);
  if (text === undefined) throw new CliError('KEY_UNKNOWN', `there is no file ${quote(path)}`);
  if (!isEncrypted(text)) return await seal(folder, name, parsePrivateKeyPem(text), source);
  const { publicKey } = await openKeyFile(text, await readPassphrase(path, source));
  await folder.add(name, text, publicKey);
  return { name, publicKey };
}

async function seal(
  folder: KeyFolder,
  name: KeyName,
  key: PrivateKey,
  source: PassphraseSource,
): Promise<KeyEntry> {
  await folder.add(name, await sealKeyFile(key, await readNewPassphrase(name, source)), key.publicKey);
  return { name, publicKey: key.publicKey };
}
