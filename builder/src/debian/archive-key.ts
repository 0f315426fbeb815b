import { quote } from '@img/spec/quote';
import type { Key } from 'openpgp';
import { BuilderError } from '../builder-error.ts';

/** An OpenPGP key that may sign an archive's indexes. */
export type ArchiveKey = {
  /** Upper-case hex of the primary key's fingerprint; the armored key must have exactly this one. */
  readonly fingerprint: string;
  /** How messages name it, for example `Debian Archive Automatic Signing Key (13/trixie)`. */
  readonly name: string;
  /** ASCII-armored public key. */
  readonly armored: string;
};

/**
 * The keys of a keyring file that a user names in an img.yaml, armored or binary.
 *
 * @param what how a message names the file
 * @throws BuilderError KEY_INVALID
 */
export async function parseArchiveKeys(bytes: Uint8Array, what: string): Promise<readonly ArchiveKey[]> {
  const { readKeys } = await import('openpgp');
  const isArmored = Buffer.from(bytes.subarray(0, 1024)).includes('-----BEGIN');
  const read = isArmored
    ? readKeys({ armoredKeys: Buffer.from(bytes).toString() })
    : readKeys({ binaryKeys: bytes });
  const keys = await read.catch((cause: unknown) => {
    throw new BuilderError('KEY_INVALID', `${what} is not a file of OpenPGP public keys`, { cause });
  });
  if (keys.some((key) => key.isPrivate())) {
    throw new BuilderError('KEY_INVALID', `${what} has a private key`, {
      hint: 'export the public key alone, for example with gpg --armor --export',
    });
  }
  return keys.map((key) => ({
    fingerprint: fingerprintOf(key),
    name: key.getUserIDs()[0] ?? fingerprintOf(key),
    armored: key.armor(),
  }));
}

/**
 * Reads a key and checks that it is the one that was meant.
 *
 * @throws BuilderError KEY_INVALID
 */
export async function openArchiveKey({ armored, fingerprint, name }: ArchiveKey): Promise<Key> {
  const { readKey } = await import('openpgp');
  const key = await readKey({ armoredKey: armored }).catch((cause: unknown) => {
    throw new BuilderError('KEY_INVALID', `the key ${quote(name)} can't be read`, { cause });
  });
  const actual = fingerprintOf(key);
  if (actual === fingerprint) return key;
  throw new BuilderError(
    'KEY_INVALID',
    `the key ${quote(name)} has the fingerprint ${actual} instead of ${fingerprint}`,
  );
}

export function fingerprintOf(key: Key): string {
  return key.getFingerprint().toUpperCase();
}
