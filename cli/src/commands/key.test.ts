import { generateKeyPairSync } from 'node:crypto';
import { chmod, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openKeyFile } from '@img/sign/key-file';
import { generatePrivateKey } from '@img/sign/private-key';
import { parsePublicKey } from '@img/sign/public-key';
import test from 'ava';
import { type Instance, newInstance } from '../testing/run-img.ts';
import { typeInto } from '../testing/type-into.ts';

const secret = { variables: { IMG_KEY_PASSPHRASE: 'correct horse' } };

async function readKey({ folder }: Instance, name: string): Promise<string> {
  return await readFile(join(folder, 'config/keys', name), 'utf8');
}

test('img key new makes an encrypted key that only its owner may read', async (t) => {
  const instance = await newInstance(t);
  const { code, stdout, stderr } = await instance.run(['key', 'new', 'alice'], secret);
  t.is(code, 0);
  t.regex(stdout, /^alice {2}SHA256:[A-Za-z0-9+/]{43}\n$/);
  t.regex(stderr, /^public key: .*alice\.pub .*\nprivate key: .*alice\.key .*\n$/);
  const key = await openKeyFile(await readKey(instance, 'alice.key'), 'correct horse');
  t.true(stdout.includes(key.publicKey.fingerprint));
  t.is(parsePublicKey(await readKey(instance, 'alice.pub')).fingerprint, key.publicKey.fingerprint);
  const { mode } = await stat(join(instance.folder, 'config/keys/alice.key'));
  t.is(mode & 0o777, 0o600);
  t.is((await stat(join(instance.folder, 'config/keys'))).mode & 0o777, 0o700);
});

test('img key new never overwrites a key', async (t) => {
  const instance = await newInstance(t);
  await instance.run(['key', 'new', 'alice'], secret);
  const before = await readKey(instance, 'alice.key');
  const { code, stderr } = await instance.run(['key', 'new', 'alice'], secret);
  t.is(code, 1);
  t.regex(stderr, /^img: there is already a key alice in ".*"\n {5}hint: choose another name/);
  t.is(await readKey(instance, 'alice.key'), before);
});

test('img key new twice at the same time keeps one key, whole', async (t) => {
  const instance = await newInstance(t);
  const results = await Promise.all([0, 1, 2].map(() => instance.run(['key', 'new', 'alice'], secret)));
  t.deepEqual(results.map(({ code }) => code).sort(), [0, 1, 1]);
  const key = await openKeyFile(await readKey(instance, 'alice.key'), 'correct horse');
  t.is(parsePublicKey(await readKey(instance, 'alice.pub')).fingerprint, key.publicKey.fingerprint);
});

test('a key whose making was killed before its public key was there says so, and gets it when it signs', async (t) => {
  const { folder, run } = await newInstance(t);
  await run(['key', 'new', 'alice'], secret);
  const init = ['trust', 'init', 'root.json', '--name', 'com.example', '--prefix', 'com.example.'];
  t.is((await run([...init, '--key', 'alice'])).code, 0);
  const path = join(folder, 'config/keys/alice.pub');
  const before = await readFile(path, 'utf8');
  await rm(path);
  const { code, stderr } = await run(['key', 'show', 'alice']);
  t.is(code, 4);
  t.regex(
    stderr,
    /^img: key alice in ".*" has lost its public key\n {5}hint: img sign --key alice writes it again; if /,
  );
  t.is((await run(['trust', 'sign', 'root.json', '--key', 'alice'], secret)).code, 0);
  t.is(await readFile(path, 'utf8'), before);
});

test('img key new takes the passphrase from an open file, up to the end of its first line', async (t) => {
  const instance = await newInstance(t);
  const { code } = await instance.run(['key', 'new', 'alice', '--passphrase-fd', '0'], {
    ...secret,
    input: 'battery\nrest',
  });
  t.is(code, 0);
  t.truthy(await openKeyFile(await readKey(instance, 'alice.key'), 'battery'));
});

const refused: readonly [words: string[], code: number, stderr: RegExp, reason: string][] = [
  [['key', 'new', 'Alice'], 2, /^img: name of a key "Alice" should be/, 'upper case'],
  [['key', 'new', '../x'], 2, /^img: name of a key "\.\.\/x" should be/, 'a path'],
  [['key', 'new', 'alice.pub'], 2, /^img: name of a key "alice\.pub" should be/, 'the name of a file'],
  [
    ['key', 'show', 'alice'],
    4,
    /^img: there is no key alice in ".*"\n {5}hint: make one with img key new alice/,
    'no keys at all',
  ],
  [['key', 'show', './alice.pub'], 4, /^img: there is no file "\.\/alice\.pub"/, 'no such file'],
  [['key', 'export', 'alice', '--format', 'der'], 2, /Allowed choices are pem, ssh/, 'an unknown format'],
  [['key', 'import', 'alice', './x'], 4, /^img: there is no file "\.\/x"/, 'no such file'],
];

for (const [words, wanted, message, reason] of refused) {
  test(`img ${words.join(' ')} is refused: ${reason}`, async (t) => {
    const { run } = await newInstance(t);
    const { code, stderr } = await run(words, secret);
    t.is(code, wanted);
    t.regex(stderr, message);
  });
}

test('img key list shows all keys, and nothing on stdout if there are none', async (t) => {
  const { run } = await newInstance(t);
  t.deepEqual(await run(['key', 'list']), {
    code: 0,
    stdout: '',
    stderr: 'no keys; make one with img key new NAME\n',
  });
  await run(['key', 'new', 'bob'], secret);
  await run(['key', 'new', 'alice'], secret);
  t.regex((await run(['key', 'list'])).stdout, /^NAME +FINGERPRINT\nalice +SHA256:.*\nbob +SHA256:.*\n$/);
  const listed = JSON.parse((await run(['key', 'list', '--json'])).stdout) as object[];
  t.like(listed[1], { name: 'bob', algorithm: 'ed25519' });
});

test('img key show and export give a key in the forms of OpenSSL, OpenSSH and cosign', async (t) => {
  const instance = await newInstance(t);
  const { run } = instance;
  await run(['key', 'new', 'alice'], secret);
  const pem = await readKey(instance, 'alice.pub');
  t.is((await run(['key', 'export', 'alice'])).stdout, pem);
  const ssh = (await run(['key', 'export', 'alice', '--format', 'ssh'])).stdout;
  t.is(parsePublicKey(ssh).fingerprint, parsePublicKey(pem).fingerprint);
  t.is((await run(['key', 'export', 'alice', '--private'])).stdout, await readKey(instance, 'alice.key'));
  t.like(JSON.parse((await run(['key', 'show', 'alice', '--json'])).stdout), { pem, ssh: ssh.trimEnd() });
  await run(['key', 'export', 'alice', '-o', 'a.pub']);
  const shown = await run(['key', 'show', './a.pub']);
  t.true(shown.stdout.includes(ssh.trimEnd()) && shown.stdout.includes(pem));
});

test('img key export writes private keys for their owner only and overwrites nothing', async (t) => {
  const { run, folder } = await newInstance(t);
  await run(['key', 'new', 'alice'], secret);
  t.is((await run(['key', 'export', 'alice', '--private', '-o', 'a.key'])).stdout, 'a.key\n');
  t.is((await stat(join(folder, 'a.key'))).mode & 0o777, 0o600);
  const again = await run(['key', 'export', 'alice', '--private', '-o', 'a.key']);
  t.is(again.code, 1);
  t.regex(again.stderr, /^img: there is already a file "a\.key"/);
});

test('img refuses a private key that others can read', async (t) => {
  const { run, folder } = await newInstance(t);
  await run(['key', 'new', 'alice'], secret);
  for (const mode of [0o640, 0o604, 0o620]) {
    await chmod(join(folder, 'config/keys/alice.key'), mode);
    const { code, stdout, stderr } = await run(['key', 'export', 'alice', '--private']);
    t.is(code, 1);
    t.is(stdout, '');
    t.regex(stderr, /can be used by others than its owner\n {5}hint: protect it with chmod 600/);
  }
});

test('img key import takes an encrypted key as it is and encrypts another', async (t) => {
  const instance = await newInstance(t);
  const { run, folder } = instance;
  await run(['key', 'new', 'alice'], secret);
  const wrong = await run(['key', 'import', 'copy', 'config/keys/alice.key'], {
    variables: { IMG_KEY_PASSPHRASE: 'x' },
  });
  t.is(wrong.code, 1);
  t.regex(wrong.stderr, /^img: passphrase does not open the key file/);
  t.is((await run(['key', 'import', 'copy', 'config/keys/alice.key'], secret)).code, 0);
  t.is(await readKey(instance, 'copy.key'), await readKey(instance, 'alice.key'));
  const key = generatePrivateKey();
  const der = Buffer.from(key.toPkcs8()).toString('base64');
  const file = join(folder, 'plain.pem');
  await writeFile(file, `-----BEGIN PRIVATE KEY-----\n${der}\n-----END PRIVATE KEY-----\n`, { mode: 0o600 });
  t.is((await run(['key', 'import', 'plain', file], secret)).code, 0);
  const imported = await openKeyFile(await readKey(instance, 'plain.key'), 'correct horse');
  t.is(imported.publicKey.fingerprint, key.publicKey.fingerprint);
});

test('img key import says of a key of cosign that it signs nothing here', async (t) => {
  const { folder, run } = await newInstance(t);
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const pem = privateKey.export({ format: 'pem', type: 'pkcs8' });
  await writeFile(join(folder, 'ecdsa.pem'), pem, { mode: 0o600 });
  const { code, stderr } = await run(['key', 'import', 'old', 'ecdsa.pem'], secret);
  t.is(code, 0, stderr);
  t.regex(stderr, /\nimg verifies with keys of this kind, and signs with Ed25519 only: img key new\n$/);
});

test('img key import asks nobody for the passphrase of a key that it does not read, and says what does', async (t) => {
  const { folder, run } = await newInstance(t);
  const { privateKey } = generateKeyPairSync('ed25519');
  const pem = privateKey.export({ format: 'pem', type: 'pkcs8', cipher: 'aes-256-cbc', passphrase: 'x' });
  await writeFile(join(folder, 'openssl.pem'), pem, { mode: 0o600 });
  const { code, stderr } = await run(['key', 'import', 'alice', 'openssl.pem']);
  t.is(code, 1);
  t.regex(
    stderr,
    /^img: a PEM block "ENCRYPTED PRIVATE KEY" stands where .*\n {5}hint: openssl pkey -in FILE -out PLAIN decrypts it/,
  );
});

test('img key new asks twice on the terminal and shows nothing of what is typed', async (t) => {
  const instance = await newInstance(t);
  const { code, shown } = await typeInto(
    instance,
    ['key', 'new', 'alice'],
    ['bat\u0015batterx\u007fy\r', 'battery\r'],
  );
  t.is(code, 0, shown);
  t.regex(shown, /^New passphrase for alice: \r?\nThe same again: \r?\n/);
  t.false(shown.includes('batter'));
  t.truthy(await openKeyFile(await readKey(instance, 'alice.key'), 'battery'));
});

const typed: readonly [answers: string[], code: number, message: RegExp, reason: string][] = [
  [['one\r', 'two\r'], 2, /the two passphrases differ/, 'they differ'],
  [['\r'], 2, /the passphrase is empty/, 'nothing typed'],
  [['a\u0003'], 1, /stopped at a question/, 'Ctrl-C'],
  [['\u0004'], 1, /stopped at a question/, 'Ctrl-D'],
];

for (const [answers, wanted, message, reason] of typed) {
  test(`img key new makes no key when ${reason}`, async (t) => {
    const instance = await newInstance(t);
    const { code, shown } = await typeInto(instance, ['key', 'new', 'alice'], answers);
    t.is(code, wanted);
    t.regex(shown, message);
    await t.throwsAsync(readKey(instance, 'alice.key'), { code: 'ENOENT' });
  });
}
