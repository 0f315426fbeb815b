import { quote } from '@img/spec/quote';
import type { CleartextMessage, Key } from 'openpgp';
import { BuilderError } from '../builder-error.ts';
import { type ArchiveKey, fingerprintOf, openArchiveKey } from './archive-key.ts';

/** The part of an InRelease file that a trusted key vouches for. */
export type SignedText = {
  /** Exactly what was signed: nothing before, between or after the armor. */
  readonly text: string;
  /** Fingerprint of the primary key of the first valid signature. */
  readonly keyFingerprint: string;
};

/** Debian signs with three keys; more than this is an attack on our time. */
const maxSignatures = 16;

/**
 * Verifies the OpenPGP cleartext signature of an InRelease file (RFC 9580, section 7). One valid signature by one
 * of the keys is enough, as for apt: an archive signs with its old and its new key while it changes them.
 *
 * @param what how messages name the file
 * @param now the time at which the keys and signatures must be valid
 * @throws BuilderError RELEASE_UNSIGNED, RELEASE_UNTRUSTED, KEY_INVALID
 */
export async function verifyRelease(
  bytes: Uint8Array,
  keys: readonly ArchiveKey[],
  now: Date,
  what: string,
): Promise<SignedText> {
  const message = await readMessage(bytes, what);
  const openKeys = await Promise.all(keys.map(openArchiveKey));
  const reasons: string[] = [];
  let cause: unknown;
  for (const { keyID, verified } of await message.verify(openKeys, now)) {
    const signer = openKeys.find((key) => key.getKeys(keyID).length > 0);
    if (signer === undefined) {
      reasons.push(`the key ${keyID.toHex().toUpperCase()} is not trusted for it`);
      continue;
    }
    try {
      await verified;
      // The library asks only whether the key was valid when the signature says that it was made.
      await signer.getSigningKey(keyID, now);
      return { text: message.getText(), keyFingerprint: fingerprintOf(signer) };
    } catch (error) {
      cause = error;
      reasons.push(`the signature by ${nameOf(signer, keys)} is not valid: ${messageOf(error)}`);
    }
  }
  const text = `${what} is not signed by a key that counts: ${reasons.join('; ')}`;
  const hint = reasons.some((reason) => reason.endsWith('in the future'))
    ? 'set the clock of this machine'
    : 'the file was changed on its way, or this is not the archive that it should be; try another mirror';
  throw new BuilderError('RELEASE_UNTRUSTED', text, { hint, cause });
}

async function readMessage(bytes: Uint8Array, what: string): Promise<CleartextMessage> {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString();
  if (
    !/^-----BEGIN PGP SIGNED MESSAGE-----\r?\n/.test(text) ||
    !/^-----END PGP SIGNATURE-----\s*$/m.test(text)
  ) {
    throw new BuilderError(
      'RELEASE_UNSIGNED',
      `${what} is not a signed message: it begins ${quote(text.slice(0, 60))}`,
      {
        hint: 'something between here and the archive may answer in its place, or the mirror is broken',
      },
    );
  }
  // Most builds read no Release file.
  const { readCleartextMessage } = await import('openpgp');
  const message = await readCleartextMessage({ cleartextMessage: text }).catch((cause: unknown) => {
    throw new BuilderError(
      'RELEASE_UNSIGNED',
      `${what} has a signature that can't be read: ${messageOf(cause)}`,
      {
        cause,
      },
    );
  });
  const count = message.getSigningKeyIDs().length;
  if (count === 0 || count > maxSignatures) {
    throw new BuilderError(
      'RELEASE_UNSIGNED',
      `${what} has ${count} signatures instead of 1 to ${maxSignatures}`,
    );
  }
  return message;
}

function nameOf(signer: Key, keys: readonly ArchiveKey[]): string {
  const fingerprint = fingerprintOf(signer);
  return keys.find((key) => key.fingerprint === fingerprint)?.name ?? fingerprint;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
