import { once } from 'node:events';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { generatePrivateKey } from '@img/sign/private-key';
import {
  draftTrustRoot,
  encodeSignedTrustRoot,
  parseSignedTrustRoot,
  signTrustRoot,
} from '@img/sign/signed-trust-root';
import { parseUnixTime } from '@img/sign/unix-time';
import test, { type ExecutionContext } from 'ava';
import { type Instance, newInstance } from '../testing/run-img.ts';
import { writeTestApp } from '../testing/test-app.ts';
import { typeInto } from '../testing/type-into.ts';

const secret = { IMG_KEY_PASSPHRASE: '' };

/** Three owners of a trust root with one rule, who all work on one machine, and the image com.example.app. */
async function prepare(t: ExecutionContext) {
  const base = await newInstance(t);
  const run: Instance['run'] = (words, options = {}) =>
    base.run(words, { ...options, variables: { ...secret, ...options.variables } });
  for (const name of ['one', 'two', 'three', 'four', 'ci']) await run(['key', 'new', name]);
  const file = join(base.folder, 'root.json');
  await done(run, [
    'trust',
    'init',
    'root.json',
    '--name',
    'com.example',
    '--prefix',
    'com.example.',
    '--key',
    'one',
    'two',
    'three',
  ]);
  await done(run, [
    'trust',
    'add',
    'ci',
    '--name',
    'The CI',
    '--prefix',
    'com.example.',
    '--in',
    'root.json',
  ]);
  const sign = async (...keys: readonly string[]) => {
    for (const key of keys) await done(run, ['trust', 'sign', 'root.json', '--key', key]);
  };
  return { ...base, run, file, sign };
}

async function done(run: Instance['run'], words: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await run(words);
  if (code !== 0) throw new Error(`img ${words.join(' ')} ended with ${code}:\n${stderr}`);
  return stdout;
}

test('a trust root is made by several people, imported once, and then decides', async (t) => {
  const { run, sign } = await prepare(t);
  const draft = await run(['trust', 'import', 'root.json', '--yes']);
  t.is(draft.code, 3);
  t.regex(
    draft.stderr,
    /^img: version 1 of the trust root com\.example is not taken over: it is signed by 0 of the 2/,
  );
  await sign('one');
  t.is((await run(['trust', 'import', 'root.json', '--yes'])).code, 3, 'one key is not enough');
  await sign('one', 'two');
  const asked = await run(['trust', 'import', 'root.json']);
  t.is(asked.code, 2);
  t.regex(asked.stderr, /root key {2}SHA256:.* has signed\n/);
  t.regex(
    asked.stderr,
    /nobody is there to say whether com\.example is to be trusted\n {5}hint: compare the finger/,
  );
  t.regex(
    (await run(['trust', 'import', 'root.json', '--yes'])).stdout,
    /^com\.example version 1 is trusted\n$/,
  );
  const listed = await run(['trust', 'list']);
  t.is(listed.stdout, 'IMAGES         REQUIRED  OF\ncom.example.*  1         ci\n');
  t.is(listed.stderr, 'trust root com.example: version 1 by 2 of 3 keys, expires in 12 months\n');
  t.regex(
    (await run(['trust', 'show', 'com.example'])).stdout,
    /^com\.example {2}version 1, expires in 12 months\nsigned +2 of 3 keys/,
  );
});

test('a trust root is fetched from its publisher, and trusted by the fingerprints of its keys', async (t) => {
  const { run, sign, file } = await prepare(t);
  await sign('one', 'two');
  const publisher = await publish(t, {
    '/root.json': await readFile(file),
    '/large': Buffer.alloc(3_000_000),
  });
  const url = `${publisher}/root.json`;
  const { keys } = parseSignedTrustRoot(await readFile(file)).root;
  const fingerprints: readonly string[] = keys.map(({ fingerprint }) => fingerprint);
  for (const [words, code, message, reason] of [
    [
      [url, '--keys', ...fingerprints.slice(1)],
      3,
      /the root keys of com\.example are others: SHA256:/,
      'too few',
    ],
    [[url, '--keys', 'one'], 2, /fingerprint "one" should be SHA256:/, 'no fingerprint'],
    [[url], 2, /nobody is there to say whether com\.example is to be trusted/, 'nobody compared anything'],
    [
      [`${publisher}/none`],
      1,
      /could not fetch the trust root: http:\S+\/none answers with status 404/,
      'a gap',
    ],
    [[`${publisher}/large`], 1, /could not fetch the trust root: \S+ is longer than the \d+ bytes/, 'no end'],
    [['http://192.0.2.1/root.json'], 2, /should be at an address that begins with https:/, 'no encryption'],
    [['https://'], 2, /should be at an address that begins with https:/, 'no address'],
  ] as const) {
    const refused = await run(['trust', 'import', ...words]);
    t.is(refused.code, code, `${reason}: ${refused.stderr}`);
    t.regex(refused.stderr, message, reason);
  }
  t.regex((await run(['trust', 'list'])).stderr, /nobody is trusted/);
  const imported = await run(['trust', 'import', url, '--keys', ...fingerprints]);
  t.is(imported.stdout, 'com.example version 1 is trusted\n', imported.stderr);
  t.regex((await run(['trust', 'import', url])).stdout, /^com\.example version 1 was trusted already\n$/);
});

/** Serves files at an address on this machine. */
async function publish(t: ExecutionContext, files: { readonly [path: string]: Uint8Array }): Promise<string> {
  const server = createServer(({ url = '' }, response) => {
    const content = files[url];
    response.writeHead(content === undefined ? 404 : 200).end(content);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test('a person who is asked can say no', async (t) => {
  const instance = await prepare(t);
  const { sign, run } = instance;
  await sign('one', 'two');
  const no = await typeInto(instance, ['trust', 'import', 'root.json'], ['no\r']);
  t.is(no.code, 1, no.shown);
  t.regex(no.shown, /Are these the keys of its publisher\?/);
  t.regex((await run(['trust', 'list'])).stderr, /nobody is trusted/);
  const yes = await typeInto(instance, ['trust', 'import', 'root.json'], ['yes\r']);
  t.is(yes.code, 0, yes.shown);
});

test('keys are rotated by the old and the new threshold, and the host follows by itself', async (t) => {
  const { run, sign, file } = await prepare(t);
  await sign('one', 'two');
  await done(run, ['trust', 'import', 'root.json', '--yes']);
  const first = await readFile(file);
  await done(run, ['trust', 'rotate', 'root.json', '--add', 'four', '--remove', 'one']);
  t.regex(
    (await run(['trust', 'show', './root.json'])).stdout,
    /^com\.example {2}version 2, .*\ndraft +0 of 3 keys/,
  );
  await sign('four', 'three');
  const lonely = await run(['trust', 'import', 'root.json']);
  t.is(lonely.code, 3);
  t.regex(
    lonely.stderr,
    /of the keys of version 1, which is trusted here, 1 have signed it, not 2\n {5}hint: /,
  );
  await sign('two');
  const imported = await run(['trust', 'import', 'root.json']);
  t.is(imported.code, 0, imported.stderr);
  t.is(imported.stderr, 'it replaces version 1\n', 'and nobody was asked');
  await writeFile(file, first);
  const old = await run(['trust', 'import', 'root.json', '--yes']);
  t.is(old.code, 3);
  t.regex(old.stderr, /this host has version 2\n/);
});

test('a trust root that was changed on the host is refused, and with it every decision', async (t) => {
  const { run, sign, folder } = await prepare(t);
  await sign('one', 'two');
  await done(run, ['trust', 'import', 'root.json', '--yes']);
  const path = join(folder, 'config/trust.d/com.example.json');
  const signed = parseSignedTrustRoot(await readFile(path));
  const other = draftTrustRoot({ ...signed.root, require: 1 });
  await writeFile(path, encodeSignedTrustRoot({ ...signed, payload: other.payload }));
  const { code, stderr } = await run(['trust', 'list']);
  t.is(code, 2);
  t.regex(
    stderr,
    /trust document ".*com\.example\.json" can't be read: trust root com\.example is signed by 0 of the 1/,
  );
});

test('a file of a higher folder masks a trust root of the distribution', async (t) => {
  const { run, sign, folder, file } = await prepare(t);
  await sign('one', 'two');
  const vendor = join(folder, 'vendor');
  await mkdir(vendor);
  await writeFile(join(vendor, 'vendor.json'), await readFile(file), { mode: 0o644 });
  const variables = { IMG_TRUST: `${vendor}:${join(folder, 'config/trust.d')}` };
  t.regex((await run(['trust', 'list'], { variables })).stdout, /\ncom\.example\.\* +1 +ci\n/);
  const removed = await run(['trust', 'remove', 'com.example'], { variables });
  t.is(removed.code, 0, removed.stderr);
  t.regex((await run(['trust', 'list'], { variables })).stderr, /nobody is trusted/);
  t.deepEqual(
    await readFile(join(vendor, 'vendor.json')),
    await readFile(file),
    "the distribution's file stays",
  );
});

test('img trust revoke takes a key back on this host, and img trust explain says so', async (t) => {
  const instance = await prepare(t);
  const { run, sign } = instance;
  await sign('one', 'two');
  await done(run, ['trust', 'import', 'root.json', '--yes']);
  await writeTestApp(instance, 'one');
  await done(run, ['build', 'app']);
  await done(run, ['sign', '--key', 'ci', '--no-registry', 'com.example.app']);
  t.is((await run(['verify', 'com.example.app'])).code, 0);
  const good = await done(run, ['trust', 'explain', 'com.example.app']);
  t.regex(
    good,
    /ok {2}2\. Which rule decides about com\.example\.app\?\n +the rule for com\.example\.\* in .*version 1 of the trust root com\.example\) decides\n/,
  );
  t.regex(good, /ok {2}3\. Does the rule still hold\?\n.* holds until 20/);
  t.regex(good, /bundle \d counts: The CI signed it\n/);
  t.regex(good, /ok {2}7\. Is it trusted\?\n/);

  await done(run, ['trust', 'revoke', 'ci']);
  const refused = await run(['verify', 'com.example.app']);
  t.is(refused.code, 3);
  t.regex(
    refused.stderr,
    /is not trusted: The CI's key is revoked by .*local\.json\n {5}hint: ask the publisher to sign again/,
  );
  t.regex(
    await done(run, ['trust', 'explain', 'com.example.app']),
    /does not count \(KEY_REVOKED\): The CI's key is/,
  );
  await done(run, ['trust', 'revoke', '--undo', 'ci']);
  t.is((await run(['verify', 'com.example.app'])).code, 0);

  const { digest } = JSON.parse(await done(run, ['inspect', 'com.example.app', '--json'])) as {
    digest: string;
  };
  await done(run, ['trust', 'revoke', digest]);
  const denied = await run(['verify', 'com.example.app']);
  t.is(denied.code, 3);
  t.regex(denied.stderr, /is not trusted: sha256:.* is denied by .*local\.json/);
  t.regex(await done(run, ['trust', 'explain', 'com.example.app']), /no {2}1\. Is the image denied\?\n/);
  t.is((await run(['trust', 'revoke', digest])).code, 2, 'not twice');
});

test('img trust revoke --in takes a key back on every host that follows the trust root', async (t) => {
  const instance = await prepare(t);
  const { run, sign } = instance;
  await sign('one', 'two');
  await done(run, ['trust', 'import', 'root.json', '--yes']);
  await writeTestApp(instance, 'one');
  await done(run, ['build', 'app']);
  await done(run, ['sign', '--key', 'ci', '--no-registry', 'com.example.app']);
  const revoked = await run(['trust', 'revoke', 'ci', '--in', 'root.json']);
  t.is(revoked.stderr, 'written to root.json; the draft has to be signed: img trust sign\n');
  await sign('two', 'three');
  await done(run, ['trust', 'import', 'root.json']);
  t.regex(
    (await run(['verify', 'com.example.app'])).stderr,
    /The CI's key is revoked by .*version 2 of the trust root/,
  );
});

test('an expired trust root closes its names, and is not imported', async (t) => {
  const instance = await prepare(t);
  const { run, folder } = instance;
  const owner = generatePrivateKey();
  const { root } = parseSignedTrustRoot(await readFile(join(folder, 'root.json')));
  const expired = {
    ...root,
    keys: [owner.publicKey],
    require: 1,
    expires: parseUnixTime('2026-01-01T00:00:00Z'),
  };
  const bytes = encodeSignedTrustRoot(await signTrustRoot(draftTrustRoot(expired), owner));
  await writeFile(join(folder, 'expired.json'), bytes);
  const refused = await run(['trust', 'import', 'expired.json', '--yes']);
  t.is(refused.code, 3);
  t.regex(refused.stderr, /it expired at 2026-01-01T00:00:00Z\n/);
  await mkdir(join(folder, 'config/trust.d'), { recursive: true });
  await writeFile(join(folder, 'config/trust.d/com.example.json'), bytes, { mode: 0o644 });
  await writeTestApp(instance, 'one');
  await done(run, ['build', 'app']);
  await done(run, ['sign', '--key', 'ci', '--no-registry', 'com.example.app']);
  const { code, stderr } = await run(['verify', 'com.example.app']);
  t.is(code, 3);
  t.regex(
    stderr,
    /its rule is in .*com\.example\), which expired at 2026-01-01T00:00:00Z\n {5}hint: get a newer version/,
  );
});

const refused: readonly [words: string[], code: number, stderr: RegExp, reason: string][] = [
  [
    ['init', 'root.json', '--name', 'a', '--prefix', 'a.', '--key', 'one'],
    1,
    /there is already a file "root\.json"/,
    'it overwrites nothing',
  ],
  [
    ['init', 'x.json', '--name', 'a', '--prefix', 'a.', '--key', 'one', '--require', '2'],
    2,
    /requires 2 of 1/,
    'nobody could sign',
  ],
  [
    ['add', 'ci', '--prefix', 'org.', '--in', 'root.json'],
    2,
    /has a rule for org\., but speaks for com\.example\. only/,
    'a rule outside of its prefixes',
  ],
  [['rotate', 'root.json', '--remove', 'four'], 4, /is no root key of com\.example/, 'not one of its keys'],
  [['rotate', 'root.json', '--remove', 'one', 'two'], 2, /requires 2 of 1/, 'too few keys are left'],
  [['sign', 'none.json', '--key', 'one'], 2, /there is no file "none\.json"/, 'no such file'],
  [['import', 'config/keys/one.pub', '--yes'], 2, /^img: trust root: /, 'something else'],
  [['revoke', 'SHA256:x'], 4, /there is no file "SHA256:x"/, 'no fingerprint'],
];

for (const [words, wanted, message, reason] of refused) {
  test(`img trust ${words.join(' ')} changes nothing: ${reason}`, async (t) => {
    const { run, file } = await prepare(t);
    const before = await readFile(file, 'utf8');
    const { code, stdout, stderr } = await run(['trust', ...words]);
    t.is(code, wanted, stderr);
    t.is(stdout, '');
    t.regex(stderr, message);
    t.is(await readFile(file, 'utf8'), before);
  });
}
