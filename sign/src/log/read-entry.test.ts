import test from 'ava';
import { testClaim, testDigest } from '../testing/test-claim.ts';
import { signedEvidence } from '../testing/test-evidence.ts';
import { testKey } from '../testing/test-keys.ts';
import { readEntry } from './read-entry.ts';

const keys = [testKey(1).publicKey, testKey(2).publicKey];
const entryBy = async (n: number) => (await signedEvidence(testKey(n))).bundles[0] ?? new Uint8Array();

test('readEntry() says what an entry states and whose signature it is, of the keys that it is given', async (t) => {
  const statement = { ...testClaim, digest: testDigest('a') };
  const { fingerprint } = testKey(2).publicKey;
  const read = readEntry(7, await entryBy(2), keys);
  t.like(read, { index: 7, statement, keyHint: fingerprint, key: { fingerprint } });
  t.is(readEntry(7, await entryBy(3), keys).key, undefined, 'by a key that nobody asked about');
});

test('readEntry() believes no entry that names a key and is not by it', async (t) => {
  const bundle = JSON.parse(Buffer.from(await entryBy(3)).toString()) as {
    dsseEnvelope: { signatures: object[] };
  };
  Object.assign(bundle.dsseEnvelope.signatures[0] ?? {}, { keyid: keys[0]?.fingerprint });
  const read = readEntry(0, Buffer.from(JSON.stringify(bundle)), keys);
  t.is(read.keyHint as string | undefined, keys[0]?.fingerprint);
  t.is(read.key, undefined);
});

test('readEntry() makes nothing of what is no bundle', (t) => {
  for (const text of ['', '{}', 'entry', '{"mediaType":"x"}']) {
    const read = readEntry(1, Buffer.from(text), keys);
    t.deepEqual(read, { index: 1, statement: undefined, keyHint: '', key: undefined }, text);
  }
});
