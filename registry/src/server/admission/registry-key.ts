import { generatePrivateKey, type PrivateKey, privateKeyFromPkcs8 } from '@img/sign/private-key';
import type { Database } from '../../metadata/database.ts';
import { shareSecret } from '../../metadata/secrets.ts';
import { ServerError } from '../server-error.ts';

/**
 * The key with which a registry says what it has admitted; all processes of a database have the same one. The first of
 * them makes it.
 *
 * @throws ServerError KEY_UNUSABLE
 */
export async function shareRegistryKey(database: Database, now: number): Promise<PrivateKey> {
  const own = Buffer.from(generatePrivateKey().toPkcs8()).toString('base64');
  const shared = await database.transaction((writer) =>
    shareSecret(writer, { name: 'registry-key', own }, now),
  );
  try {
    return privateKeyFromPkcs8(Buffer.from(shared, 'base64'));
  } catch (cause) {
    const message = `the registry's key, in the database, can't be used: ${(cause as Error).message}`;
    throw new ServerError('KEY_UNUSABLE', message, {
      cause,
      hint: 'remove the row registry-key of the table secrets: a new key is made at the next start',
    });
  }
}
