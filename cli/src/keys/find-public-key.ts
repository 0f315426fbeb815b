import { type PublicKey, parsePublicKey } from '@img/sign/public-key';
import { quote } from '@img/spec/quote';
import { CliError } from '../cli-error.ts';
import { readSmallFile } from '../read-small-file.ts';
import { KeyFolder } from './key-folder.ts';
import { isKeyName } from './key-name.ts';

const maxBytes = 64 * 1024;

/**
 * The public key that a person names: by the name of a key of theirs or by a file.
 *
 * @throws CliError KEY_UNKNOWN, USAGE; SignError KEY_INVALID, KEY_UNSUPPORTED, KEY_WEAK
 */
export async function findPublicKey(nameOrPath: string, keysFolder: string): Promise<PublicKey> {
  if (isKeyName(nameOrPath)) return await new KeyFolder(keysFolder).publicKey(nameOrPath);
  const bytes = await readSmallFile(nameOrPath, { maxBytes });
  if (bytes !== undefined) return parsePublicKey(new TextDecoder().decode(bytes));
  throw new CliError('KEY_UNKNOWN', `there is no file ${quote(nameOrPath)}`);
}
