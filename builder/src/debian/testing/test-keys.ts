import { generateKey, type PrivateKey } from 'openpgp';

/** A key as an archive has one. */
export type TestKey = {
  readonly privateKey: PrivateKey;
  readonly fingerprint: string;
  /** The public half, armored, as a keyring file. */
  readonly keyring: Uint8Array;
};

/** Makes a new key; `expires` is in seconds after its creation. */
export async function makeKey({
  created = new Date('2026-01-01T00:00:00Z'),
  expires = 0,
}: {
  readonly created?: Date;
  readonly expires?: number;
} = {}): Promise<TestKey> {
  const { privateKey } = await generateKey({
    userIDs: [{ name: 'Test archive' }],
    type: 'ecc',
    curve: 'ed25519Legacy',
    date: created,
    keyExpirationTime: expires,
    format: 'object',
  });
  return {
    privateKey,
    fingerprint: privateKey.getFingerprint().toUpperCase(),
    keyring: Buffer.from(privateKey.toPublic().armor()),
  };
}
