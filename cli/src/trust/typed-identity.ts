import { basename } from 'node:path';
import { type Identity, parseIdentityId, parseIdentityName } from '@img/sign/identity';
import { parseArgument } from '../argument.ts';
import type { Session } from '../command.ts';
import { findPublicKey } from '../keys/find-public-key.ts';

/** How a key is named on the command line, for help. */
export const publicKeyHelp =
  'the file of a public key, the name of a key of yours, or ssh:NAME for one of the SSH agent';

export type IdentityOptions = { readonly id?: string; readonly name?: string };

/**
 * Somebody who is known by one key; called as the key is, if nothing else is said.
 *
 * @throws CliError as `findPublicKey` does, USAGE; SignError KEY_INVALID, KEY_UNSUPPORTED, KEY_WEAK
 */
export async function typedIdentity(
  key: string,
  { id, name }: IdentityOptions,
  session: Session,
): Promise<Identity> {
  const publicKey = await findPublicKey(key, session);
  const word = basename(key)
    .replace(/^ssh:/, '')
    .replace(/\.(?:pub|pem)$/, '')
    .toLowerCase();
  const identityId = parseArgument(parseIdentityId, id ?? word);
  return { id: identityId, name: parseArgument(parseIdentityName, name ?? identityId), keys: [publicKey] };
}
