import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { generatePrivateKey } from '@img/sign/private-key';
import test, { type ExecutionContext } from 'ava';
import { newInstance } from '../testing/run-img.ts';

const ssh = generatePrivateKey().publicKey.toSshLine();

/** An instance with the public keys of alice and bob in its working folder. */
async function prepare(t: ExecutionContext) {
  const instance = await newInstance(t);
  const keys = { alice: generatePrivateKey().publicKey, bob: generatePrivateKey().publicKey };
  await writeFile(join(instance.folder, 'alice.pub'), keys.alice.toPem());
  await writeFile(join(instance.folder, 'bob.pub'), `${keys.bob.toSshLine()} bob@laptop\n`);
  const add = (name: string, ...words: string[]) => instance.run(['trust', 'add', `./${name}.pub`, ...words]);
  const rules = async () =>
    JSON.parse((await instance.run(['trust', 'list', '--json'])).stdout) as { rules: object[] };
  return { ...instance, keys, add, rules };
}

test('img trust add writes a rule that list and show tell', async (t) => {
  const { add, run, keys, folder } = await prepare(t);
  const added = await add('alice', '--name', 'Alice', '--prefix', 'com.example.');
  t.is(added.code, 0);
  t.is(added.stdout, 'required: 1 of alice for com.example.*\n');
  t.true(added.stderr.includes(keys.alice.fingerprint));
  t.is(
    (await run(['trust', 'list'])).stdout,
    'IMAGES         REQUIRED  OF\ncom.example.*  1         alice\n',
  );
  const shown = await run(['trust', 'show', 'alice']);
  t.is(
    shown.stdout,
    `Alice (alice)\nkey       ${keys.alice.fingerprint}  ed25519\nmay sign  1 of alice for com.example.*\n`,
  );
  t.true(
    (await readFile(join(folder, 'config/trust.d/local.json'), 'utf8')).includes(keys.alice.toSshLine()),
  );
});

test('img trust add joins identities in one rule and raises its threshold', async (t) => {
  const { add, rules } = await prepare(t);
  await add('alice', '--prefix', 'com.example.', 'org.');
  const { stdout } = await add('bob', '--prefix', 'com.example.*', '--require', '2');
  t.is(stdout, 'required: 2 of alice, bob for com.example.*\n');
  t.like(await rules(), {
    rules: [
      { prefix: 'com.example.', require: 2, of: ['alice', 'bob'] },
      { prefix: 'org.', require: 1, of: ['alice'] },
    ],
  });
});

test('img trust add without a name means whoever has the key already', async (t) => {
  const { add, rules } = await prepare(t);
  await add('alice', '--name', 'Alice Smith', '--id', 'asmith', '--prefix', 'com.example.');
  const { code, stdout } = await add('alice', '--prefix', 'org.');
  t.deepEqual([code, stdout], [0, 'required: 1 of asmith for org.*\n']);
  t.is(
    (await add('alice', '--name', 'Alice', '--prefix', 'net.')).code,
    2,
    'another name is a contradiction',
  );
  t.is((await rules()).rules.length, 2);
});

test('img trust show, revoke and remove take the name that people see, where only one has it', async (t) => {
  const { add, run } = await prepare(t);
  await add('alice', '--name', 'Alice', '--prefix', 'com.');
  t.regex((await run(['trust', 'show', 'Alice'])).stdout, /^Alice \(alice\)\n/);
  t.is((await run(['trust', 'revoke', 'Alice'])).code, 0);
  t.is((await run(['trust', 'revoke', 'Alice', '--undo'])).code, 0);
  await add('bob', '--name', 'Alice', '--prefix', 'org.');
  const { code, stderr } = await run(['trust', 'revoke', 'Alice']);
  t.is(code, 4, 'two are called so');
  t.regex(stderr, /^img: there is no file "Alice"\n {5}hint: name the file of a public key/);
  t.is((await run(['trust', 'remove', 'Alice'])).code, 2);
  t.is((await run(['trust', 'remove', 'bob'])).code, 0);
  t.regex((await run(['trust', 'remove', 'Alice'])).stderr, /^removed alice from /);
});

test('img trust add takes a key of yours by its name', async (t) => {
  const { run } = await prepare(t);
  await run(['key', 'new', 'carol'], { variables: { IMG_KEY_PASSPHRASE: 'x' } });
  t.is((await run(['trust', 'add', 'carol', '--prefix', '*'])).stdout, 'required: 1 of carol for *\n');
});

test('img trust remove takes back trust for a prefix, an identity or a rule', async (t) => {
  const { add, run, rules } = await prepare(t);
  await add('alice', '--prefix', 'com.', 'org.');
  await add('bob', '--prefix', 'com.');
  t.is((await run(['trust', 'remove', 'bob', '--prefix', 'com.'])).code, 0);
  t.like(await rules(), { rules: [{ of: ['alice'] }, { of: ['alice'] }] });
  t.is((await run(['trust', 'remove', 'alice'])).code, 0);
  t.like(
    await rules(),
    {
      rules: [
        { prefix: 'com.', of: [] },
        { prefix: 'org.', of: [] },
      ],
    },
    'closed, not open',
  );
  t.is((await run(['trust', 'remove', '--prefix', 'com.'])).code, 0);
  t.like(await rules(), { rules: [{ prefix: 'org.' }] });
});

const refused: readonly [words: string[], code: number, stderr: RegExp, reason: string][] = [
  [
    ['add', './alice.pub'],
    2,
    /^img: required option '--prefix <prefix\.\.\.>' not specified\n {5}hint: img trust add --help/,
    'no prefix',
  ],
  [['add', './alice.pub', '--prefix', 'com..x'], 2, /^img: prefix "com\.\.x" should be/, 'a wrong prefix'],
  [['add', './alice.pub', '--prefix', 'x', '--id', 'A b'], 2, /^img: identity "A b" should be/, 'a wrong id'],
  [
    ['add', './alice.pub', '--prefix', 'x', '--name', 'A\u001b[2J'],
    2,
    /^img: name "A\\u001b\[2J" should be/,
    'a hostile name',
  ],
  [
    ['add', './alice.pub', '--prefix', 'x', '--require', '0'],
    2,
    /should be a whole number from 1/,
    'a wrong threshold',
  ],
  [
    ['add', './alice.pub', '--prefix', 'x', '--require', '2'],
    2,
    /^img: rule for x requires 2 of 1 identities/,
    'a threshold that nobody meets',
  ],
  [['add', './nobody.pub', '--prefix', 'x'], 4, /^img: there is no file "\.\/nobody\.pub"/, 'no such file'],
  [['add', './known.json', '--prefix', 'x'], 1, /should be a PEM block PUBLIC KEY/, 'no key'],
  [
    ['add', './alice.pub', '--prefix', 'x', '--id', 'mallory'],
    2,
    /there is already an identity alice with a key of mallory/,
    'a key that belongs to another',
  ],
  [
    ['add', './bob.pub', '--prefix', 'vendor.', '--id', 'bob'],
    2,
    /rule for vendor\. differs between .*config\/trust\.d\/known\.json and .*config\/trust\.d\/local\.json/,
    'a rule that another document has',
  ],
  [
    ['show', 'alise'],
    4,
    /^img: there is no identity "alise" .*\n {5}hint: did you mean alice\?/,
    'a mistyped identity',
  ],
  [
    ['remove', 'vendor.'],
    4,
    /^img: there is no identity "vendor\." .*\n {5}hint: that is a prefix: .* img trust remove --prefix vendor\. removes it/,
    'a prefix in the place of an identity',
  ],
  [
    ['remove', 'vendor'],
    4,
    /^img: vendor is not in .*local\.json but in another document\n {5}hint: change that document/,
    'the work of others',
  ],
  [['remove'], 2, /^img: nothing is named that should be removed/, 'nothing named'],
  [['remove', '--prefix', 'none.'], 2, /^img: there is no rule for none\./, 'no such rule'],
];

for (const [words, wanted, message, reason] of refused) {
  test(`img trust ${words.join(' ')} changes nothing: ${reason}`.replace('\u001b', 'ESC'), async (t) => {
    const { add, run, folder } = await prepare(t);
    await mkdir(join(folder, 'config/trust.d'), { recursive: true });
    const known = {
      format: 1,
      identities: [{ id: 'vendor', name: 'Vendor', keys: [ssh] }],
      rules: [{ prefix: 'vendor.', require: 1, of: ['vendor'] }],
    };
    const files = ['known.json', 'config/trust.d/known.json'];
    for (const file of files) await writeFile(join(folder, file), JSON.stringify(known), { mode: 0o644 });
    await add('alice', '--prefix', 'com.');
    const before = await readFile(join(folder, 'config/trust.d/local.json'), 'utf8');
    const { code, stdout, stderr } = await run(['trust', ...words]);
    t.is(code, wanted);
    t.is(stdout, '');
    t.regex(stderr, message);
    t.is(await readFile(join(folder, 'config/trust.d/local.json'), 'utf8'), before);
  });
}

test('img trust add refuses keys with which others could sign, and of kinds that sign no images', async (t) => {
  const { run, folder } = await newInstance(t);
  const pem = (key: KeyObject) => key.export({ format: 'pem', type: 'spki' }).toString();
  const ed25519 = (hex: string) => `-----BEGIN PUBLIC KEY-----\n${spkiOf(hex)}\n-----END PUBLIC KEY-----\n`;
  for (const [key, message, reason] of [
    [ed25519(`01${'00'.repeat(31)}`), /outside the subgroup of prime order/, 'of small order'],
    [ed25519(`ee${'ff'.repeat(30)}7f`), /is not a point of the curve in canonical form/, 'not canonical'],
    [
      pem(generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey),
      /"ec secp384r1" can't be used/,
      'P-384',
    ],
    [pem(generateKeyPairSync('x25519').publicKey), /"x25519" can't be used/, 'for no signatures'],
  ] as const) {
    await writeFile(join(folder, 'key.pub'), key);
    const { code, stderr } = await run(['trust', 'add', './key.pub', '--prefix', 'com.example.']);
    t.is(code, 1, reason);
    t.regex(stderr, message, reason);
  }
  t.is((await run(['trust', 'list'])).stdout, '');
});

/** SubjectPublicKeyInfo of an Ed25519 key (RFC 8410 section 4), in base64. */
function spkiOf(hex: string): string {
  return Buffer.from(`302a300506032b6570032100${hex}`, 'hex').toString('base64');
}

test('img trust list tells when nobody is trusted', async (t) => {
  const { run } = await newInstance(t);
  t.deepEqual(await run(['trust', 'list']), {
    code: 0,
    stdout: '',
    stderr: 'nobody is trusted; add somebody with img trust add\n',
  });
});

test('img trust add several times at once loses nothing that it reported as done', async (t) => {
  const { add, rules } = await prepare(t);
  const prefixes = ['a.', 'b.', 'c.', 'd.'];
  const results = await Promise.all(prefixes.map((prefix) => add('alice', '--prefix', prefix)));
  const done = prefixes.filter((_, index) => results[index]?.code === 0);
  t.true(done.length > 0);
  t.deepEqual(
    (await rules()).rules.map((rule) => (rule as { prefix: string }).prefix),
    done,
  );
});
