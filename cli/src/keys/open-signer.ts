import { openKeyFile } from '@img/sign/key-file';
import { type PrivateKey, parsePrivateKeyPem } from '@img/sign/private-key';
import type { Signer } from '@img/sign/signer';
import { quote } from '@img/spec/quote';
import { CliError } from '../cli-error.ts';
import { findAgentKey, isAgentKeyName } from './find-agent-key.ts';
import { KeyFolder, readPrivateFile } from './key-folder.ts';
import { isKeyName } from './key-name.ts';
import { type PassphraseSource, readPassphrase } from './passphrase.ts';

/**
 * Opens the key that a person names to sign with: by its name in the key folder, by the path of its file, encrypted
 * or not, or by its name in the SSH agent.
 *
 * @throws CliError AGENT_UNREACHABLE, KEY_UNKNOWN, KEY_UNSAFE, KEY_UNSUITABLE, PASSPHRASE_MISSING, CANCELLED;
 *   SignError PASSPHRASE_WRONG, KEY_…, AGENT_REFUSED, SSH_INVALID
 */
export async function openSigner(
  name: string,
  keysFolder: string,
  source: PassphraseSource,
): Promise<Signer> {
  if (!isAgentKeyName(name)) return await openPrivateKey(name, keysFolder, source);
  const { agent, key, publicKey } = await findAgentKey(name, source.environment, source);
  return agent.signer(key, publicKey, source);
}

async function openPrivateKey(
  nameOrPath: string,
  keysFolder: string,
  source: PassphraseSource,
): Promise<PrivateKey> {
  if (isKeyName(nameOrPath)) {
    const folder = new KeyFolder(keysFolder);
    const key = await openPem(nameOrPath, await folder.privateKeyFile(nameOrPath), source);
    await folder.completePublicKey({ name: nameOrPath, publicKey: key.publicKey });
    return key;
  }
  const text = await readPrivateFile(nameOrPath);
  if (text !== undefined) return await openPem(nameOrPath, text, source);
  throw new CliError('KEY_UNKNOWN', `there is no file ${quote(nameOrPath)}`, {
    hint: 'img key list shows the keys that have names',
  });
}

async function openPem(name: string, text: string, source: PassphraseSource): Promise<PrivateKey> {
  if (!isEncrypted(text)) return parsePrivateKeyPem(text);
  return await openKeyFile(text, await readPassphrase(name, source));
}

/** Whether it is a key file of img or cosign, for which somebody has to be asked for a passphrase. */
export function isEncrypted(pem: string): boolean {
  return /^-----BEGIN ENCRYPTED (?:COSIGN|SIGSTORE) /.test(pem.trimStart());
}
