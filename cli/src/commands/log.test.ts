import { cp, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AccountsClient } from '@img/registry/accounts/accounts-client';
import { LogClient } from '@img/registry/log/log-client';
import { formatNoteKey, noteKey } from '@img/sign/log/note-key';
import { testKey } from '@img/sign/testing/test-keys';
import { parseRegistryHost } from '@img/spec/registry-host';
import { parseRepositoryName } from '@img/spec/repository-name';
import test, { type ExecutionContext } from 'ava';
import { type Instance, newInstance } from '../testing/run-img.ts';
import { writeTestApp } from '../testing/test-app.ts';
import { administrator, startTestRegistry } from '../testing/test-registry.ts';

type Run = Instance['run'];

async function makeFolder(...parts: readonly string[]): Promise<string> {
  const folder = join(...parts);
  await mkdir(folder, { recursive: true });
  return folder;
}

/** As img login writes it. */
function dockerConfig(registry: string): string {
  const auth = Buffer.from(`${administrator.name}:${administrator.password}`).toString('base64');
  return JSON.stringify({ auths: { [registry]: { auth } } });
}

/** A publisher with the key alice, a signed image and a registry with a log, and a host that trusts Alice. */
async function prepare(t: ExecutionContext) {
  const base = await newInstance(t);
  const registry = parseRegistryHost(await startTestRegistry(t, base));
  const common = { IMG_REGISTRY: registry, IMG_KEY_PASSPHRASE: 'x' };
  const hostFolders = {
    IMG_CONFIG: join(base.folder, 'host-config'),
    IMG_ROOT: join(base.folder, 'host-root'),
  };
  const as = (variables: object): Run => {
    return (words, options = {}) =>
      base.run(words, { ...options, variables: { ...common, ...variables, ...options.variables } });
  };
  const [publisher, host] = [as({}), as({ ...hostFolders, DOCKER_CONFIG: join(base.folder, 'host-docker') })];
  const done = async (run: Run, ...words: readonly string[]) => {
    const { code, stdout, stderr } = await run(words);
    if (code !== 0) t.fail(`img ${words.join(' ')} ended with ${code}: ${stderr}`);
    return stdout + stderr;
  };
  const login = { kind: 'password', username: administrator.name, password: administrator.password } as const;
  const credentials = async () => login;
  await using accounts = new AccountsClient(registry, { credentials });
  await accounts.call('createOrganisation', {}, { name: 'com.example' });
  await using logs = new LogClient(registry, { credentials });
  const { key } = await logs.setUp(parseRepositoryName('com.example'), { visibility: 'public' });
  await writeFile(join(await makeFolder(base.folder, 'docker'), 'config.json'), dockerConfig(registry));
  await writeTestApp(base, 'one');
  await done(publisher, 'build', 'app');
  await done(publisher, 'key', 'new', 'alice');
  const pem = join(base.folder, 'config/keys/alice.pub');
  await done(host, 'trust', 'add', pem, '--name', 'Alice', '--prefix', 'com.example.');
  return { base, publisher, host, done, key, name: `${registry}/log/com.example` };
}

test('what is pushed is logged, and a host that requires it verifies the proof from wherever it came', async (t) => {
  const { base, publisher, host, done, key, name } = await prepare(t);
  await done(publisher, 'sign', '--key', 'alice', 'com.example.app:1.0.0');
  const unlogged = await publisher(['log', 'verify', 'com.example.app:1.0.0']);
  t.is(unlogged.code, 3);
  t.regex(unlogged.stdout, /no {2}the signature by the key "SHA256:.*" has no proof of a log\n$/);
  t.regex(await done(publisher, 'push', 'com.example.app:1.0.0'), /1 signature logged/);
  t.notRegex(await done(publisher, 'push', 'com.example.app:1.0.0'), /logged/, 'once');
  t.regex(await done(host, 'trust', 'log', key, '--prefix', 'com.example.'), /1 of alice .*, logged in /);
  t.regex(await done(host, 'trust', 'list'), /log {7}.*\/log\/com\.example\+/);
  const stick = join(base.folder, 'stick');
  await done(publisher, 'copy', 'host:com.example.app:1.0.0', `oci:${stick}:1.0.0`);
  // From here on nobody is asked.
  const offline = { variables: { IMG_REGISTRY: '127.0.0.1:1' } };
  const image = `${name.split('/')[0]}/com.example.app:1.0.0`;
  t.is((await host(['copy', `oci:${stick}:1.0.0`, `host:${image}`], offline)).code, 0);
  t.regex(
    (await host(['log', 'verify', image], offline)).stdout,
    /ok {2}the signature by Alice is entry 0 of /,
  );
  const verified = await host(['verify', image], offline);
  t.is(verified.code, 0, verified.stderr);
  t.regex(verified.stdout, /^Signed By: Alice \(1 of alice for com\.example\.\*, logged in /);
  t.regex(
    (await host(['trust', 'explain', image], offline)).stdout,
    /counts: Alice signed it, which is entry 0 of/,
  );
});

test('a host refuses what is not in the log that it requires, or by a key that was given up before', async (t) => {
  const { publisher, host, done, key, name } = await prepare(t);
  await done(host, 'trust', 'log', key, '--prefix', 'com.example.');
  await done(publisher, 'push', 'com.example.app:1.0.0');
  await done(publisher, 'sign', '--key', 'alice', '--remote', 'com.example.app:1.0.0');
  await done(host, 'verify', 'com.example.app:1.0.0');
  const revoke = ['trust', 'revoke', 'alice', '--log', name, '--from'] as const;
  t.regex(await done(host, ...revoke, '1'), /^counts before entry 1 {2}SHA256:/);
  await done(host, 'verify', 'com.example.app:1.0.0');
  await done(host, 'trust', 'revoke', 'alice', '--undo');
  await done(host, ...revoke, '0');
  const refused = await host(['verify', 'com.example.app:1.0.0']);
  t.is(refused.code, 3);
  t.regex(refused.stderr, /signed it as entry 0, and the key counts only for what .* had before entry 0/);
  t.is((await host(['trust', 'revoke', 'alice', '--log', name])).code, 2, 'from where on is not said');
  await done(host, 'trust', 'revoke', 'alice', '--undo');
  // A registry that takes the proofs off.
  await done(publisher, 'unsign', '--key', 'alice', '--remote', 'com.example.app:1.0.0');
  t.is((await host(['verify', 'com.example.app:1.0.0'])).code, 3);
  t.regex(await done(host, 'trust', 'log', '--none', '--prefix', 'com.example.'), /required: 1 of alice/);
});

test('img log monitor alarms on what was signed elsewhere with a key of this user', async (t) => {
  const { base, publisher, host, done, name } = await prepare(t);
  await done(publisher, 'push', 'com.example.app:1.0.0');
  await done(publisher, 'sign', '--key', 'alice', '--remote', 'com.example.app:1.0.0');
  t.regex(
    await done(publisher, 'log', 'monitor', 'com.example'),
    /ok {5}.* 1 entry, 1 new\n.*seen for the first time/s,
  );
  // Somebody has a copy of the key, and signs on another machine.
  const [own, theirs] = ['keys', 'stolen'].map((folder) => join(base.folder, 'config', folder)) as [
    string,
    string,
  ];
  await cp(own, theirs, { recursive: true });
  const stolen = join(theirs, 'alice.key');
  const thief = { variables: { IMG_KEYS: theirs } };
  await publisher(['sign', '--key', stolen, '--remote', 'com.example.app:1.0.0', '--expires', '9d'], thief);
  const alarm = await publisher(['log', 'monitor', 'com.example']);
  t.is(alarm.code, 3);
  t.regex(alarm.stdout, /^alarm .* 2 entries, 1 new\n.*entry 1, not made here: com\.example\.app:1\.0\.0 #1/);
  t.is((await publisher(['log', 'monitor', 'com.example'])).code, 3, 'until somebody has looked at it');
  t.is((await publisher(['log', 'monitor', 'com.example', '--acknowledge'])).code, 0);
  t.is((await publisher(['log', 'monitor', 'com.example'])).code, 0);
  const { entries } = JSON.parse((await host(['log', 'tail', 'com.example.app', '--json'])).stdout);
  t.like(entries[1], {
    index: 1,
    repository: 'com.example.app',
    tag: '1.0.0',
    sequence: 1,
    isVerified: true,
  });
  t.regex(
    await done(host, 'log', 'tail', 'com.example', '-n', '1'),
    /^1 {2}com\.example\.app:1\.0\.0 #1 .* Alice\n/,
  );
  t.regex(
    await done(host, 'log', 'show', 'com.example.app'),
    new RegExp(`^com\\.example {2}2 entries, public\nkey {6}${name}`),
  );
});

test('img log believes no log that has another key than the one that is trusted', async (t) => {
  const { host, publisher, done, name } = await prepare(t);
  await done(publisher, 'push', 'com.example.app:1.0.0');
  const other = formatNoteKey(noteKey('log', name, testKey(7).publicKey));
  await done(host, 'trust', 'log', other, '--prefix', 'com.example.');
  const found = await host(['log', 'monitor', 'com.example']);
  t.is(found.code, 1);
  t.regex(found.stderr, /has another key now than the one that is trusted here/);
  const all = await host(['log', 'monitor']);
  t.not(all.code, 0);
  t.regex(all.stderr, /not signed by its key/);
});

const wrongUses: readonly (readonly [
  words: readonly string[],
  code: number,
  stderr: RegExp,
  reason: string,
])[] = [
  [['log', 'monitor'], 2, /this host trusts no log/, 'no log is known'],
  [
    ['log', 'create', 'com.example', '--witness', 'w'],
    2,
    /should be a key, =, and where to ask it/,
    'no address',
  ],
  [['trust', 'log', '--prefix', 'com.example.'], 2, /give the key of a log, or --none/, 'no key'],
  [['trust', 'log', 'x', '--prefix', 'com.example.'], 2, /key "x" should be a name/, 'no key of a log'],
];
for (const [words, wanted, message, reason] of wrongUses) {
  test(`img ${words.join(' ')} is wrong usage: ${reason}`, async (t) => {
    const { run } = await newInstance(t);
    const { code, stderr } = await run(words);
    t.is(code, wanted, stderr);
    t.regex(stderr, message);
  });
}
