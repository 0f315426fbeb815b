import { spawnSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { needsTool } from '@img/sign/testing/needs';
import { temporaryFolder } from '@img/sign/testing/temporary-folder';
import test from 'ava';
import { type ArchiveKey, openArchiveKey, parseArchiveKeys } from './archive-key.ts';
import { mainArchiveKeys, securityArchiveKeys, ubuntuArchiveKeys } from './pinned-keys.ts';
import { archiveDate, signText, testNow } from './testing/test-archive.ts';
import { makeKey, type TestKey } from './testing/test-keys.ts';
import { verifyRelease } from './verify-release.ts';

const text = 'Codename: trixie\n- a line with a dash\nDescription: größer  \nSHA256:\n ab 1 x';

const key = await makeKey();
const otherKey = await makeKey();
const keys = await parseArchiveKeys(key.keyring, 'the keyring');

const verify = (bytes: Uint8Array, trusted: readonly ArchiveKey[] = keys, now = testNow) =>
  verifyRelease(bytes, trusted, now, 'InRelease');

const signed = await signText(text, key, archiveDate);

const change = (from: string | RegExp, to: string): Buffer =>
  Buffer.from(signed.toString().replace(from, to));

test('verifyRelease() returns what was signed and by whom', async (t) => {
  const result = await verify(signed);
  t.is(result.keyFingerprint, key.fingerprint);
  // Blanks at the end of a line are not signed (RFC 9580, section 7.2).
  t.is(result.text, text.replace('  \n', '\n'));
});

test('verifyRelease() accepts line ends of Windows, which are the same to OpenPGP', async (t) => {
  t.is((await verify(change(/\n/g, '\r\n'))).text, (await verify(signed)).text);
});

test('verifyRelease() finds the good one of several signatures', async (t) => {
  const { createCleartextMessage, sign } = await import('openpgp');
  const message = await createCleartextMessage({ text });
  const both = await sign({
    message,
    signingKeys: [otherKey.privateKey, key.privateKey],
    date: archiveDate,
  });
  t.is((await verify(Buffer.from(both))).keyFingerprint, key.fingerprint);
});

test('verifyRelease() leaves out what stands after the signature', async (t) => {
  const result = await verify(Buffer.from(`${signed.toString()}\nCodename: evil\n`));
  t.false(result.text.includes('evil'));
});

const unsigned: readonly (readonly [why: string, make: () => Uint8Array])[] = [
  ['plain text', () => Buffer.from(text)],
  ['nothing', () => Buffer.from('')],
  ['a page that something answered instead', () => Buffer.from('<html>please log in</html>')],
  ['text before the signed message', () => Buffer.concat([Buffer.from('Codename: evil\n'), signed])],
  ['a file that is cut off in the text', () => signed.subarray(0, 90)],
  ['a file that is cut off in the signature', () => signed.subarray(0, signed.length - 60)],
  ['a signature that is no base64', () => change(/\n\n[^-]+\n-----END/, '\n\n!!!!\n-----END')],
  ['no signature in the armor', () => change(/\n\n[^-]+\n-----END/, '\n\n\n-----END')],
];

for (const [why, make] of unsigned) {
  test(`verifyRelease() holds for unsigned: ${why}`, async (t) => {
    await t.throwsAsync(verify(make()), { code: 'RELEASE_UNSIGNED' });
  });
}

const untrusted: readonly (readonly [why: string, make: () => Promise<Uint8Array>, pattern: RegExp])[] = [
  ['one that another key signed', () => signText(text, otherKey, archiveDate), /is not trusted/],
  ['a changed word', async () => change('trixie', 'sid'), /not valid/],
  ['an added line', async () => change('Codename', 'Evil: yes\nCodename'), /not valid/],
  ['a removed line', async () => change(/Description[^\n]*\n/, ''), /not valid/],
  ['a signature made in the future', () => signText(text, key, new Date('2027-01-01')), /not valid.*future/],
];

for (const [why, make, pattern] of untrusted) {
  test(`verifyRelease() doesn't trust ${why}`, async (t) => {
    const error = await t.throwsAsync(verify(await make()), { code: 'RELEASE_UNTRUSTED' });
    t.regex(error?.message ?? '', pattern);
    const hint = (error as { hint?: string } | undefined)?.hint ?? '';
    t.is(hint.includes('clock'), why.includes('future'), hint);
  });
}

test('verifyRelease() trusts no signature when there are no keys', async (t) => {
  await t.throwsAsync(verify(signed, []), { code: 'RELEASE_UNTRUSTED' });
});

test('verifyRelease() refuses a key that has expired, also for what it signed before', async (t) => {
  const day = 24 * 60 * 60;
  const short = await makeKey({ created: archiveDate, expires: day / 2 });
  const bytes = await signText(text, short, archiveDate);
  const trusted = await parseArchiveKeys(short.keyring, 'the keyring');
  await t.notThrowsAsync(verify(bytes, trusted, new Date(archiveDate.getTime() + 1000)));
  await t.throwsAsync(verify(bytes, trusted, testNow), { code: 'RELEASE_UNTRUSTED', message: /expired/ });
});

test('verifyRelease() refuses a key whose fingerprint is not the one that is pinned', async (t) => {
  const [known] = keys as [ArchiveKey];
  const forged = { ...known, armored: otherKey.keyring.toString() };
  await t.throwsAsync(verify(signed, [forged]), { code: 'KEY_INVALID', message: /fingerprint/ });
});

test('verifyRelease() looks at no more than 16 signatures', async (t) => {
  const { createCleartextMessage, sign } = await import('openpgp');
  const message = await createCleartextMessage({ text });
  const signingKeys = Array.from({ length: 17 }, () => key.privateKey);
  const bytes = Buffer.from(await sign({ message, signingKeys, date: archiveDate }));
  await t.throwsAsync(verify(bytes), { code: 'RELEASE_UNSIGNED', message: /17 signatures/ });
});

test('verifyRelease() and gpgv agree about what OpenPGP.js signed', async (t) => {
  if (!needsTool(t, 'gpgv') || !needsTool(t, 'gpg')) return;
  const folder = temporaryFolder(t);
  const verdict = async (bytes: Uint8Array, trusted: TestKey): Promise<number | null> => {
    await writeFile(join(folder, 'InRelease'), bytes);
    await writeFile(join(folder, 'key.asc'), trusted.keyring);
    const keyring = join(folder, 'key.gpg');
    spawnSync('gpg', [
      '--batch',
      '--yes',
      '--homedir',
      folder,
      '-o',
      keyring,
      '--dearmor',
      join(folder, 'key.asc'),
    ]);
    return spawnSync('gpgv', ['--homedir', folder, '--keyring', keyring, join(folder, 'InRelease')]).status;
  };
  t.is(await verdict(signed, key), 0);
  t.not(await verdict(signed, otherKey), 0);
  t.not(await verdict(change('trixie', 'sid'), key), 0);
});

test('the keys of Debian and Ubuntu are the ones whose fingerprints are pinned', async (t) => {
  const all = [
    ...(await mainArchiveKeys('bookworm')),
    ...(await mainArchiveKeys('trixie')),
    ...(await securityArchiveKeys()),
    ...(await ubuntuArchiveKeys()),
  ];
  t.is(new Set(all.map(({ fingerprint }) => fingerprint)).size, 7);
  for (const { armored, fingerprint, name } of all) {
    const [parsed] = await parseArchiveKeys(Buffer.from(armored), name);
    t.is(parsed?.fingerprint, fingerprint);
    t.true(parsed?.name.startsWith(name), parsed?.name);
    const key = await openArchiveKey({ armored, fingerprint, name });
    await t.notThrowsAsync(key.getSigningKey(undefined, testNow), 'it can verify signatures of today');
  }
});

test("the keys of Debian are those of this machine's debian-archive-keyring, if it has it", async (t) => {
  const keyring = await readFile('/usr/share/keyrings/debian-archive-keyring.gpg').catch(() => undefined);
  if (keyring === undefined) {
    t.log('left out: debian-archive-keyring is not installed');
    t.pass();
    return;
  }
  const fingerprints = (await parseArchiveKeys(keyring, 'the keyring')).map(({ fingerprint }) => fingerprint);
  for (const pinned of [...(await mainArchiveKeys('trixie')), ...(await securityArchiveKeys())]) {
    t.true(fingerprints.includes(pinned.fingerprint), pinned.name);
  }
});

test('a key of the security archive may not sign the main archive', async (t) => {
  const main = (await mainArchiveKeys('trixie')).map(({ fingerprint }) => fingerprint);
  for (const { fingerprint } of await securityArchiveKeys()) t.false(main.includes(fingerprint));
});

const badKeyrings: readonly (readonly [why: string, make: () => Uint8Array])[] = [
  ['nothing', () => Buffer.from('')],
  ['text', () => Buffer.from('my key')],
  [
    'an armor with nothing in it',
    () => Buffer.from('-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n-----END PGP PUBLIC KEY BLOCK-----\n'),
  ],
  ['a private key', () => Buffer.from(key.privateKey.armor())],
];

for (const [why, make] of badKeyrings) {
  test(`parseArchiveKeys() refuses ${why}`, async (t) => {
    await t.throwsAsync(parseArchiveKeys(make(), 'the keyring'), { code: 'KEY_INVALID' });
  });
}

test('parseArchiveKeys() reads binary keyrings too', async (t) => {
  const binary = key.privateKey.toPublic().write();
  t.is((await parseArchiveKeys(binary, 'the keyring'))[0]?.fingerprint, key.fingerprint);
});
