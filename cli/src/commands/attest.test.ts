import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { type Instance, newInstance } from '../testing/run-img.ts';
import { writeTestApp } from '../testing/test-app.ts';

const secret = { IMG_KEY_PASSPHRASE: '' };

/** An image that Alice signed, and files to attest of it. */
async function prepare(t: ExecutionContext) {
  const instance = await newInstance(t);
  const run: Instance['run'] = (words, options = {}) =>
    instance.run(words, { ...options, variables: { ...secret, ...options.variables } });
  for (const name of ['alice', 'builder']) await run(['key', 'new', name]);
  await writeTestApp(instance, 'one');
  await run(['build', 'app']);
  await run(['trust', 'add', 'alice', '--prefix', 'com.example.']);
  await run(['sign', '--key', 'alice', '--no-registry', 'com.example.app:1.0.0']);
  await writeFile(join(instance.folder, 'provenance.json'), '{"buildDefinition":{},"runDetails":{}}');
  await writeFile(join(instance.folder, 'sbom.json'), '{"spdxVersion":"SPDX-2.3"}');
  await writeFile(join(instance.folder, 'list.json'), '[]');
  return { ...instance, run };
}

test('img verify --require asks for what img attest states', async (t) => {
  const { run } = await prepare(t);
  const verify = ['verify', 'com.example.app:1.0.0', '--require'];
  const missing = await run([...verify, 'sbom']);
  t.is(missing.code, 3);
  t.regex(
    missing.stderr,
    /is not trusted: nobody of alice has attested its sbom\n {5}hint: ask the publisher/,
  );
  const attested = await run([
    'attest',
    '--type',
    'sbom',
    '--key',
    'alice',
    'com.example.app:1.0.0',
    'sbom.json',
  ]);
  t.is(attested.code, 0, attested.stderr);
  t.regex(attested.stdout, /^com\.example\.app@sha256:\w+ {2}https:\/\/spdx\.dev\/Document\n$/);
  t.regex(attested.stderr, /^attested with SHA256:.*; img push takes it along\n$/);
  const found = await run([...verify, 'sbom', '--json']);
  t.is(found.code, 0);
  t.like(JSON.parse(found.stdout), {
    trusted: true,
    attestations: [{ code: 'COUNTED', identity: 'alice', predicateType: 'https://spdx.dev/Document' }],
  });
  t.is((await run([...verify, 'https://spdx.dev/Document'])).code, 0);
  t.is((await run([...verify, 'sbom', '--require', 'vuln'])).code, 3);
  t.is((await run(['verify', 'com.example.app:1.0.0'])).code, 0, 'and nobody has to ask');
  t.is((await run(['signatures', 'com.example.app:1.0.0'])).stdout.trim().split('\n').length, 2);
});

test('a rule with a builder asks for provenance at every decision', async (t) => {
  const { run } = await prepare(t);
  const added = await run(['trust', 'add', 'builder', '--prefix', 'com.example.', '--role', 'builder']);
  t.is(added.stdout, 'required: 1 of alice for com.example.*, built by builder\n');
  t.regex((await run(['trust', 'list'])).stdout, /^com\.example\.\* +1 +alice, built by builder$/m);
  const words = ['attest', '--type', 'provenance', 'com.example.app:1.0.0', 'provenance.json', '--key'];
  await run([...words, 'alice']);
  const refused = await run(['verify', 'com.example.app:1.0.0']);
  t.is(refused.code, 3);
  t.regex(
    refused.stderr,
    /nobody of builder has attested its provenance; alice may not attest https:\/\/slsa/,
  );
  await run([...words, 'builder']);
  t.is((await run(['verify', 'com.example.app:1.0.0'])).code, 0);
  const { stdout } = await run(['trust', 'explain', 'com.example.app:1.0.0']);
  t.regex(stdout, /ok {2}6\. Is attested what has to be\?\n/);
  t.regex(stdout, /counts: builder attested https:\/\/slsa\.dev\/provenance\/v1\n/);
  const removed = await run(['trust', 'remove', 'builder', '--prefix', 'com.example.']);
  t.is(removed.code, 2, 'the rule would ask for less');
  t.regex(removed.stderr, /builder is the only builder in the rule for com\.example\./);
});

const refused: readonly [words: string[], code: number, stderr: RegExp, reason: string][] = [
  [['--type', 'sbom', 'list.json'], 1, /predicate should be a JSON object/, 'no object'],
  [['--type', 'sbom', 'provenance.json'], 1, /neither SPDX nor CycloneDX/, 'no SBOM'],
  [['--type', 'sbom', 'none.json'], 2, /there is no file "none\.json"/, 'no such file'],
  [['--type', 'sboms', 'sbom.json'], 2, /type "sboms" should be a URI or one of/, 'an unknown type'],
  [
    ['--type', 'https://sigstore.dev/cosign/sign/v1', 'sbom.json'],
    2,
    /is the type of signatures of images\n {5}hint: sign an image with img sign/,
    'it would be a signature',
  ],
];

for (const [words, wanted, message, reason] of refused) {
  test(`img attest ${words.join(' ')} attaches nothing: ${reason}`, async (t) => {
    const { run } = await prepare(t);
    const [flag = '', type = '', file = ''] = words;
    const { code, stdout, stderr } = await run([
      'attest',
      flag,
      type,
      '--key',
      'alice',
      'com.example.app:1.0.0',
      file,
    ]);
    t.is(code, wanted, stderr);
    t.is(stdout, '');
    t.regex(stderr, message);
    const { referrers } = JSON.parse((await run(['inspect', 'com.example.app:1.0.0', '--json'])).stdout) as {
      referrers: object[];
    };
    t.is(referrers.length, 1, 'the signature');
  });
}
