import { type PublicKey, parsePublicKey } from '@img/sign/public-key';
import { quote } from '@img/spec/quote';
import { CliError } from '../cli-error.ts';
import type { Session } from '../command.ts';
import { readSmallFile } from '../read-small-file.ts';
import { findAgentKey, isAgentKeyName } from './find-agent-key.ts';
import { KeyFolder } from './key-folder.ts';
import { isKeyName } from './key-name.ts';

const maxBytes = 64 * 1024;

/**
 * The public key that a person names: by the name of a key of theirs, by a file, or by its name in the SSH agent.
 *
 * @throws CliError AGENT_UNREACHABLE, KEY_UNKNOWN, KEY_UNSUITABLE, USAGE; SignError KEY_INVALID, KEY_UNSUPPORTED,
 *   KEY_WEAK, AGENT_REFUSED, SSH_INVALID
 */
export async function findPublicKey(
  name: string,
  { config, environment, signal }: Pick<Session, 'config' | 'environment' | 'signal'>,
): Promise<PublicKey> {
  if (isKeyName(name)) return await new KeyFolder(config.keysFolder).publicKey(name);
  if (isAgentKeyName(name)) return (await findAgentKey(name, environment, { signal })).publicKey;
  const bytes = await readSmallFile(name, { maxBytes });
  if (bytes !== undefined) return parsePublicKey(new TextDecoder().decode(bytes));
  throw new CliError('KEY_UNKNOWN', `there is no file ${quote(name)}`, {
    hint: 'name the file of a public key, or one of those that img key list shows',
  });
}
