import { chmodSync, chownSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { generatePrivateKey } from '@img/sign/private-key';
import { draftTrustRoot, encodeSignedTrustRoot, signTrustRoot } from '@img/sign/signed-trust-root';
import { needsRoot } from '@img/sign/testing/needs';
import { temporaryFolder } from '@img/sign/testing/temporary-folder';
import { emptyTrustDocument } from '@img/sign/trust-document';
import { findRule } from '@img/sign/trust-policy';
import { parseUnixTime } from '@img/sign/unix-time';
import { parseNamePrefix } from '@img/spec/name-prefix';
import { parseRepositoryName } from '@img/spec/repository-name';
import test, { type ExecutionContext } from 'ava';
import { loadTrustPolicy } from './load-trust-policy.ts';

const keys = {
  alice: generatePrivateKey().publicKey.toSshLine(),
  bob: generatePrivateKey().publicKey.toSshLine(),
};

function document(id: keyof typeof keys, prefix: string): string {
  return JSON.stringify({
    format: 1,
    identities: [{ id, name: id, keys: [keys[id]] }],
    rules: [{ prefix, require: 1, of: [id] }],
  });
}

function folders(
  t: ExecutionContext,
  ...contents: readonly { readonly [name: string]: string }[]
): readonly string[] {
  const root = temporaryFolder(t);
  return contents.map((files, index) => {
    const folder = join(root, String(index));
    mkdirSync(folder);
    for (const [name, content] of Object.entries(files))
      writeFileSync(join(folder, name), content, { mode: 0o644 });
    return folder;
  });
}

async function signersOf(list: readonly string[], name: string): Promise<readonly string[] | undefined> {
  return findRule(await loadTrustPolicy(list), parseRepositoryName(name))?.of;
}

test('loadTrustPolicy() adds the documents of all folders', async (t) => {
  const list = folders(
    t,
    { 'a.json': document('alice', 'com.a.') },
    { 'b.json': document('bob', 'com.b.'), 'notes.txt': 'x', '.hidden.json': 'x', 'b.json~': 'x' },
  );
  t.deepEqual(await signersOf(list, 'com.a.app'), ['alice']);
  t.deepEqual(await signersOf(list, 'com.b.app'), ['bob']);
});

test('loadTrustPolicy() trusts nobody where no folder exists', async (t) => {
  t.is((await loadTrustPolicy([join(temporaryFolder(t), 'absent')])).rules.size, 0);
});

test('loadTrustPolicy() lets a file of higher rank take the place of one of the same name', async (t) => {
  const list = folders(t, { 'a.json': document('alice', 'com.a.') }, { 'a.json': document('bob', 'com.a.') });
  t.deepEqual(await signersOf(list, 'com.a.app'), ['bob']);
  t.deepEqual(await signersOf(list.toReversed(), 'com.a.app'), ['alice']);
});

test('loadTrustPolicy() takes an empty file as a mask', async (t) => {
  const list = folders(t, { 'a.json': document('alice', 'com.a.') }, { 'a.json': '' });
  t.is(await signersOf(list, 'com.a.app'), undefined);
});

test('loadTrustPolicy() follows a link to a document', async (t) => {
  const [folder = '', other = ''] = folders(t, {}, { 'real.json': document('alice', 'com.a.') });
  symlinkSync(join(other, 'real.json'), join(folder, 'a.json'));
  t.deepEqual(await signersOf([folder], 'com.a.app'), ['alice']);
});

test('loadTrustPolicy() names the file that it refuses', async (t) => {
  const [folder = ''] = folders(t, { 'a.json': '{"format":1,"rulez":[]}' });
  const error = await t.throwsAsync(loadTrustPolicy([folder]), { code: 'TRUST_POLICY_INVALID' });
  t.true(error.message.includes(join(folder, 'a.json')) && error.message.includes('rulez'));
});

test('loadTrustPolicy() refuses two documents that contradict each other, naming both', async (t) => {
  const list = folders(t, { 'a.json': document('alice', 'com.a.') }, { 'b.json': document('bob', 'com.a.') });
  const error = await t.throwsAsync(loadTrustPolicy(list), { code: 'POLICY_CONFLICT' });
  t.true(error.message.includes('a.json') && error.message.includes('b.json'));
});

test('loadTrustPolicy() refuses what others could have written', async (t) => {
  const [folder = ''] = folders(t, { 'a.json': document('alice', 'com.a.') });
  const path = join(folder, 'a.json');
  chmodSync(path, 0o666);
  await t.throwsAsync(loadTrustPolicy([folder]), { code: 'TRUST_POLICY_INVALID', message: /by everybody/ });
  chmodSync(path, 0o644);
  if (!needsRoot(t)) return;
  chownSync(path, 12_345, 0);
  await t.throwsAsync(loadTrustPolicy([folder]), { code: 'TRUST_POLICY_INVALID', message: /user 12345/ });
});

test('loadTrustPolicy() refuses a folder in place of a document, and an endless one', async (t) => {
  const [folder = '', device = ''] = folders(t, {}, {});
  mkdirSync(join(folder, 'a.json'));
  await t.throwsAsync(loadTrustPolicy([folder]), {
    code: 'TRUST_POLICY_INVALID',
    message: /no regular file/,
  });
  symlinkSync('/dev/zero', join(device, 'a.json'));
  await t.throwsAsync(loadTrustPolicy([device]), {
    code: 'TRUST_POLICY_INVALID',
    message: /no regular file|everybody/,
  });
});

test('loadTrustPolicy() refuses two files that are the same trust root, because one may be older', async (t) => {
  const owner = generatePrivateKey();
  const root = {
    name: parseRepositoryName('com.example'),
    version: 1,
    expires: parseUnixTime('2099-01-01T00:00:00Z'),
    keys: [owner.publicKey],
    require: 1,
    prefixes: [parseNamePrefix('com.example.')],
    document: emptyTrustDocument,
  };
  const signed = await signTrustRoot(draftTrustRoot(root), owner);
  const content = new TextDecoder().decode(encodeSignedTrustRoot(signed));
  t.is((await loadTrustPolicy(folders(t, { 'a.json': content }, { 'a.json': content }))).rules.size, 0);
  await t.throwsAsync(loadTrustPolicy(folders(t, { 'a.json': content }, { 'b.json': content })), {
    code: 'TRUST_POLICY_INVALID',
    message: /b\.json" is the trust root com\.example, and so is ".*a\.json"$/,
  });
});
