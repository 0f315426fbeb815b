import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { RegistryDouble } from '@img/registry/testing/registry-double';
import test, { type ExecutionContext } from 'ava';
import { type Instance, newInstance } from '../testing/run-img.ts';
import { writeTestApp } from '../testing/test-app.ts';
import { administrator, startTestRegistry } from '../testing/test-registry.ts';

const secret = { IMG_KEY_PASSPHRASE: '' };

/** One person with keys of several, the image com.example.app, and nobody trusted. */
async function prepare(t: ExecutionContext, ...names: readonly string[]): Promise<Instance> {
  const instance = await newInstance(t);
  const run: Instance['run'] = (words, options = {}) =>
    instance.run(words, { ...options, variables: { ...secret, ...options.variables } });
  for (const name of names) await run(['key', 'new', name]);
  await writeTestApp(instance, 'one');
  await run(['build', 'app']);
  return { ...instance, run };
}

async function sign({ run }: Instance, key: string, ...words: readonly string[]) {
  return await run(['sign', '--key', key, '--no-registry', 'com.example.app:1.0.0', ...words]);
}

type Listed = {
  name: string | null;
  isCounted: boolean;
  code: string;
  tag: string | null;
  annotations: object;
};

async function listed({ run }: Instance, ...words: readonly string[]): Promise<readonly Listed[]> {
  const { stdout } = await run(['signatures', 'com.example.app:1.0.0', '--json', ...words]);
  return (JSON.parse(stdout) as { signatures: Listed[] }).signatures;
}

test('img signatures says who signed, what, when, and what counts', async (t) => {
  const instance = await prepare(t, 'alice', 'bob', 'carol');
  const { run } = instance;
  const none = await run(['signatures', 'com.example.app']);
  t.deepEqual([none.code, none.stdout], [0, '']);
  t.regex(none.stderr, /^com\.example\.app:latest has no signatures\nno rule covers com\.example\.app\n$/);
  for (const id of ['alice', 'bob']) {
    await run(['trust', 'add', id, '--name', `${id} the first`, '--prefix', 'com.example.']);
  }
  await sign(instance, 'alice', '--annotation', 'build=4711', '--annotation', 'by=CI');
  await sign(instance, 'bob', '--expires', '30d', '--digest');
  await sign(instance, 'carol');
  const { stdout, stderr } = await run(['signatures', 'com.example.app:1.0.0']);
  const lines = stdout.trimEnd().split('\n');
  t.regex(lines[0] ?? '', /^SIGNED BY +STATES +SIGNED +EXPIRES +COUNTS$/);
  const rows = lines.slice(1).toSorted();
  t.is(rows.length, 3, stdout);
  t.regex(rows[0] ?? '', /^alice the first +1\.0\.0 #1 +(?:now|\d+ (?:second|minute)s? ago) +never +yes$/);
  t.regex(rows[1] ?? '', /^bob the first +digest +.* in 4 weeks +no: bob the first signed it without naming/);
  t.regex(rows[2] ?? '', /^unknown +no: names the key "SHA256:/);
  t.is(stderr, 'required: 1 of alice, bob for com.example.*\n');
  const found = await listed(instance);
  t.like(
    found.find(({ isCounted }) => isCounted),
    { identity: 'alice', tag: '1.0.0', annotations: { build: '4711', by: 'CI' } },
  );
});

test('img signatures --output writes files for other programs into a new folder, whole or not at all', async (t) => {
  const instance = await prepare(t, 'alice', 'bob');
  const { run, folder } = instance;
  await run(['trust', 'add', 'alice', '--prefix', 'com.example.']);
  await sign(instance, 'alice');
  await sign(instance, 'bob');
  const words = ['signatures', 'com.example.app:1.0.0', '--output', 'files'];
  const { code, stderr } = await run(words);
  t.is(code, 0, stderr);
  t.regex(stderr, /\nwrote 4 signatures to files; there, for example:\n {2}ssh-keygen .*\n {2}openssl .*\n$/);
  const kinds = { alice: ['payload', 'pub', 'sig', 'sshsig'], unknown: ['payload', 'sig'] };
  const expected = Object.entries(kinds).flatMap(([who, endings]) =>
    endings.map((ending) => `${who}.${ending}`),
  );
  const found = (await readdir(join(folder, 'files'))).map((name) => {
    return name.replace(/^\d-(\w+)-(?:bundle|simple-signing)\./, '$1.');
  });
  t.deepEqual(found.toSorted(), [...expected, ...expected, 'allowed_signers'].toSorted());
  t.is((await run([...words.slice(0, -1), 'new/folder'])).code, 0, 'in a folder that is not there yet');
  t.deepEqual((await readdir(join(folder, 'new/folder'))).length, expected.length * 2 + 1);
  const again = await run(words);
  t.is(again.code, 1);
  t.regex(again.stderr, /^img: "files" is there already, and no empty folder\n {5}hint: /);
  t.deepEqual(
    (await readdir(folder)).filter((name) => name.startsWith('.tmp-')),
    [],
  );
});

test('img sign --digest states nothing about tags, and counts for who asks by digest', async (t) => {
  const instance = await prepare(t, 'alice');
  const { run } = instance;
  await run(['trust', 'add', 'alice', '--prefix', 'com.example.']);
  const { stdout } = await sign(instance, 'alice', '--digest');
  t.regex(stdout, /^com\.example\.app@sha256:[0-9a-f]{64}\n$/);
  t.is((await run(['verify', 'com.example.app:1.0.0'])).code, 3);
  t.is((await run(['verify', stdout.trim()])).code, 0);
});

test('img sign NAME:TAG@DIGEST states that one tag of that one image', async (t) => {
  const instance = await prepare(t, 'alice');
  const digest = (await sign(instance, 'alice', '--digest')).stdout.trim().split('@')[1];
  const { run } = instance;
  const words = ['sign', '--key', 'alice', '--no-registry', `com.example.app:stable@${digest}`];
  t.regex((await run(words)).stdout, /^com\.example\.app:stable {2}#1 {2}sha256:/);
  const other = `com.example.app:stable@sha256:${'0'.repeat(64)}`;
  const refused = await run(['sign', '--key', 'alice', '--no-registry', other]);
  t.is(refused.code, 4);
  t.regex(refused.stderr, /this host has no image com\.example\.app@sha256:0+/);
});

test('img sign and img verify take several images, and img sign signs none if one is not there', async (t) => {
  const instance = await prepare(t, 'alice');
  const { run } = instance;
  await run(['trust', 'add', 'alice', '--prefix', 'com.example.']);
  const tags = ['com.example.app:1.0.0', 'com.example.app:latest'];
  const sign = ['sign', '--key', 'alice', '--no-registry', '--json'];
  t.is((await run([...sign, tags[0] ?? '', 'com.example.web'])).code, 4);
  t.is((await run(['verify', ...tags])).code, 3, 'nothing was signed');

  t.is((await run([...sign, tags[0] ?? ''])).code, 0);
  const half = await run(['verify', ...tags]);
  t.is(half.code, 3);
  t.regex(half.stdout, /^Signed By: alice .* - com\.example\.app:1\.0\.0, #1\n$/);
  t.regex(half.stderr, /^img: com\.example\.app:latest is not trusted/);

  const signed = JSON.parse((await run([...sign, ...tags])).stdout) as { reference: string }[];
  t.deepEqual(
    signed.map(({ reference }) => reference),
    tags,
  );
  const verified = await run(['verify', '--json', ...tags]);
  t.is(verified.code, 0);
  const decisions = JSON.parse(verified.stdout) as { trusted: boolean }[];
  t.deepEqual(
    decisions.map(({ trusted }) => trusted),
    [true, true],
  );
  t.is((await run(['verify', '--deep', ...tags])).code, 2, 'that reads one');
});

const refusedAnnotations: readonly [word: string, message: RegExp, reason: string][] = [
  ['img.seq=99', /has the name of a field of signatures/, 'it would look like the number'],
  ['novalue', /should be a name, =, and a text/, 'no value'],
  ['=x', /should be a name, =, and a text/, 'no name'],
  ['a b=x', /should be a name of letters/, 'a space in the name'],
];

for (const [word, message, reason] of refusedAnnotations) {
  test(`img sign --annotation ${word} is refused: ${reason}`, async (t) => {
    const { run } = await newInstance(t);
    const { code, stderr } = await run(['sign', '--key', 'a', '--annotation', word, 'com.example.app']);
    t.is(code, 2, stderr);
    t.regex(stderr, message);
  });
}

test('img unsign takes back what one key signed, of one tag or of all, and nothing else', async (t) => {
  const instance = await prepare(t, 'alice', 'bob');
  const { run } = instance;
  for (const id of ['alice', 'bob']) await run(['trust', 'add', id, '--prefix', 'com.example.']);
  await run(['sign', '--key', 'alice', '--no-registry', 'com.example.app']);
  await sign(instance, 'bob');
  const one = await run(['unsign', '--key', 'alice', 'com.example.app:latest']);
  t.is(one.code, 0, one.stderr);
  t.regex(one.stdout, /^com\.example\.app:latest {2}sha256:/);
  t.regex(one.stderr, /^removed 2 signatures by SHA256:.*; copies of them elsewhere still count\n$/);
  t.deepEqual((await listed(instance)).map(({ name, tag }) => [name, tag]).toSorted(), [
    ['alice', '1.0.0'],
    ['bob', '1.0.0'],
  ]);
  await run(['unsign', '--key', 'alice', 'com.example.app']);
  t.deepEqual(
    (await listed(instance)).map(({ name }) => name),
    ['bob'],
  );
  const nothing = await run(['unsign', '--key', 'alice', 'com.example.app']);
  t.is(nothing.code, 4);
  t.regex(
    nothing.stderr,
    /has no signature by SHA256:.*\n {5}hint: img signatures com\.example\.app lists them\n/,
  );
  await sign(instance, 'alice');
  t.is((await listed(instance)).length, 2, 'signed anew');
});

test('img sign, signatures and unsign work on the copy of a registry with --remote', async (t) => {
  const instance = await prepare(t, 'alice');
  const registry = await startTestRegistry(t, instance);
  const run: Instance['run'] = (words, options) =>
    instance.run(words, { ...options, variables: { IMG_REGISTRY: registry } });
  const remote = { ...instance, run };
  await writeTestApp(instance, 'two');
  await run(['build', 'app']);
  await run(['login', '-u', administrator.name, '--password-stdin'], { input: administrator.password });
  await run(['push', 'com.example.app:1.0.0']);
  await run(['trust', 'add', 'alice', '--prefix', 'com.example.']);
  const signed = await run(['sign', '--key', 'alice', '--remote', 'com.example.app:1.0.0']);
  t.regex(signed.stderr, /; the signatures are in the registry\n$/);
  t.is((await listed(remote)).length, 0, 'nothing here');
  t.like(await listed(remote, '--remote'), [{ name: 'alice', isCounted: true }]);
  const unsigned = await run(['unsign', '--key', 'alice', '--remote', 'com.example.app:1.0.0']);
  t.is(unsigned.code, 0, unsigned.stderr);
  t.deepEqual(await listed(remote, '--remote'), []);
  const absent = await run(['sign', '--key', 'alice', '--remote', 'com.example.app:9']);
  t.is(absent.code, 4);
  t.regex(absent.stderr, /there is no image com\.example\.app:9 in 127/);
});

const people = ['alice', 'bob', 'carol', 'dave'];

const registries: readonly [name: string, start: (t: ExecutionContext, at: Instance) => Promise<string>][] = [
  ['our registry', startTestRegistry],
  [
    'a registry without referrers API that compares nothing',
    async (t) => {
      const double = await RegistryDouble.start();
      t.teardown(() => double[Symbol.asyncDispose]());
      double.hasReferrersApi = false;
      return double.host;
    },
  ],
];

for (const [name, start] of registries) {
  test(`signatures of all who sign at the same moment stay in ${name}`, async (t) => {
    const instance = await prepare(t, ...people);
    const registry = await start(t, instance);
    const run: Instance['run'] = (words, options) =>
      instance.run(words, { ...options, variables: { IMG_REGISTRY: registry } });
    await run(['build', 'app']);
    await run(['login', '-u', administrator.name, '--password-stdin'], { input: administrator.password });
    t.is((await run(['push', 'com.example.app:1.0.0'])).code, 0);
    for (const id of people) await run(['trust', 'add', id, '--prefix', 'com.example.', '--require', '1']);
    const signing = people.map((key) => run(['sign', '--key', key, '--remote', 'com.example.app:1.0.0']));
    for (const { code, stderr } of await Promise.all(signing)) t.is(code, 0, stderr);
    const { stdout } = await run(['signatures', '--remote', 'com.example.app:1.0.0', '--json']);
    const { signatures } = JSON.parse(stdout) as {
      signatures: { name: string; isCounted: boolean; encodings: string[] }[];
    };
    t.deepEqual(signatures.map(({ name: who }) => who).toSorted(), people);
    t.true(signatures.every(({ isCounted, encodings }) => isCounted && encodings.length === 2));
  });
}

test('signatures of all who sign the same image of one host at the same moment stay', async (t) => {
  const instance = await prepare(t, ...people);
  for (const { code, stderr } of await Promise.all(people.map((key) => sign(instance, key)))) {
    t.is(code, 0, stderr);
  }
  for (const id of people) await instance.run(['trust', 'add', id, '--prefix', 'com.example.']);
  const found = await listed(instance);
  t.deepEqual(found.map(({ name }) => name).toSorted(), people);
});
