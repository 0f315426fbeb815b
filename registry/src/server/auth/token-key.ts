import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomUUID,
} from 'node:crypto';
import { link, readFile, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Database } from '../../metadata/database.ts';
import { shareSecret } from '../../metadata/secrets.ts';
import { ignoreMissing } from '../../storage/ignore-missing.ts';
import { syncFolder, temporaryPrefix, writeFileAtomic } from '../../storage/write-file-atomic.ts';
import { ServerError } from '../server-error.ts';

/** The Ed25519 key pair that signs the registry's tokens. */
export type TokenKey = { readonly privateKey: KeyObject; readonly publicKey: KeyObject };

/**
 * Reads the key from a PEM file that only its owner may read, or makes it. Of several processes that make it at
 * the same time, all get the same one.
 *
 * @throws ServerError KEY_UNUSABLE
 */
export async function loadTokenKey(path: string): Promise<TokenKey> {
  if ((await stat(path).catch(ignoreMissing)) === undefined) await makeKey(path);
  const { mode } = await stat(path);
  if ((mode & 0o077) !== 0) {
    throw new ServerError('KEY_UNUSABLE', `others may read the key that signs tokens, ${path}`, {
      hint: `take their right away with: chmod 600 ${path}`,
    });
  }
  return parseKey(await readFile(path, 'utf8'), {
    name: path,
    hint: 'move the file away: a new key is made at the next start, and tokens in use end',
  });
}

/**
 * Reads the key that all processes of a database share, or makes it.
 *
 * @throws ServerError KEY_UNUSABLE
 */
export async function shareTokenKey(database: Database, now: number): Promise<TokenKey> {
  const own = newKey();
  const pem = await database.transaction((writer) => shareSecret(writer, { name: 'token-key', own }, now));
  return parseKey(pem, {
    name: 'the key that signs tokens, in the database',
    hint: 'remove the row token-key of the table secrets: a new key is made at the next start, and tokens in use end',
  });
}

function parseKey(pem: string, { name, hint }: { readonly name: string; readonly hint: string }): TokenKey {
  try {
    const privateKey = createPrivateKey(pem);
    if (privateKey.asymmetricKeyType !== 'ed25519')
      throw new Error(`it is of type ${privateKey.asymmetricKeyType}`);
    return { privateKey, publicKey: createPublicKey(privateKey) };
  } catch (cause) {
    const message = `${name} is not an Ed25519 private key: ${(cause as Error).message}`;
    throw new ServerError('KEY_UNUSABLE', message, { cause, hint });
  }
}

function newKey(): string {
  return generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

async function makeKey(path: string): Promise<void> {
  const mine = join(dirname(path), `${temporaryPrefix}token-key-${randomUUID()}`);
  await writeFileAtomic(mine, newKey(), { mode: 0o600 });
  try {
    // Unlike a rename, a link never replaces what another process has put there.
    await link(mine, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    await rm(mine, { force: true });
  }
  await syncFolder(dirname(path));
}
