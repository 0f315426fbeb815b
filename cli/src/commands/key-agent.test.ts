import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parsePublicKey } from '@img/sign/public-key';
import { needsTool } from '@img/sign/testing/needs';
import test from 'ava';
import { newInstance } from '../testing/run-img.ts';
import { addAgentKey, startAgent, startFalseAgent, tool } from '../testing/ssh-agent.ts';
import { writeTestApp } from '../testing/test-app.ts';

test('img lists, shows, exports and trusts keys of ssh-agent as those in files', async (t) => {
  if (!needsTool(t, 'ssh-agent')) return;
  const instance = await startAgent(t, await newInstance(t));
  const { run } = instance;
  const line = addAgentKey(instance, 'alice@laptop');
  addAgentKey(instance, 'old', 'rsa');
  const { fingerprint } = parsePublicKey(line);
  t.true(tool(instance, 'ssh-add', ['-l']).includes(`${fingerprint} alice@laptop (ED25519)`));
  t.is(
    (await run(['key', 'list'])).stdout,
    `NAME              FINGERPRINT\nssh:alice@laptop  ${fingerprint}\n`,
  );
  t.deepEqual(JSON.parse((await run(['key', 'list', '--json'])).stdout), [
    {
      name: 'ssh:alice@laptop',
      fingerprint,
      algorithm: 'ed25519',
      publicKeyFile: null,
      privateKeyFile: null,
    },
  ]);
  t.true((await run(['key', 'show', 'ssh:alice@laptop'])).stdout.startsWith(fingerprint));
  const exported = await run(['key', 'export', 'ssh:alice@laptop', '--format', 'ssh']);
  t.is(exported.stdout.trim(), line.split(' ').slice(0, 2).join(' ').trim());
  const added = await run(['trust', 'add', 'ssh:alice@laptop', '--prefix', 'com.example.']);
  t.is(added.stdout, 'required: 1 of alice@laptop for com.example.*\n');
});

test('img sign --key ssh:… signs with ssh-agent what verify then trusts', async (t) => {
  if (!needsTool(t, 'ssh-agent')) return;
  const instance = await startAgent(t, await newInstance(t));
  const { run } = instance;
  const { fingerprint } = parsePublicKey(addAgentKey(instance, 'alice@laptop'));
  addAgentKey(instance, 'bob@laptop');
  await writeTestApp(instance, 'one');
  await run(['build', 'app']);
  await run(['trust', 'add', 'ssh:alice@laptop', '--id', 'alice', '--prefix', 'com.example.']);
  const signed = await run(['sign', '--key', 'ssh:alice@laptop', '--no-registry', 'com.example.app']);
  t.is(signed.code, 0, signed.stderr);
  t.true(signed.stderr.includes(`signed with ${fingerprint}`));
  t.regex((await run(['verify', 'com.example.app'])).stdout, /^Signed By: alice \(1 of alice/);

  const byPrint = await run(['sign', '--key', `ssh:${fingerprint}`, '--no-registry', 'com.example.app']);
  t.is(byPrint.code, 0, 'by its fingerprint too');
  tool(instance, 'ssh-add', ['-q', '-D']);
  const gone = await run(['sign', '--key', 'ssh:alice@laptop', '--no-registry', 'com.example.app']);
  t.is(gone.code, 4);
  t.regex(gone.stderr, /^img: the SSH agent has no key "alice@laptop"\n {5}hint: give it an Ed25519 key/);
});

test('img refuses a name that several keys of ssh-agent have, or none, or one of another kind', async (t) => {
  if (!needsTool(t, 'ssh-agent')) return;
  const instance = await startAgent(t, await newInstance(t));
  const { run } = instance;
  const only = addAgentKey(instance, 'twin');
  t.true((await run(['key', 'show', 'ssh:'])).stdout.startsWith(parsePublicKey(only).fingerprint));
  addAgentKey(instance, 'twin');
  addAgentKey(instance, 'rsa', 'rsa');
  const twins = await run(['key', 'show', 'ssh:twin']);
  t.is(twins.code, 2);
  t.regex(
    twins.stderr,
    /2 keys of the SSH agent are called "twin"\n {5}hint: name one by its fingerprint: ssh:SHA256:/,
  );
  t.regex((await run(['key', 'show', 'ssh:'])).stderr, /2 keys of the SSH agent can sign\n/);
  const unknown = await run(['key', 'show', 'ssh:dave']);
  t.is(unknown.code, 4);
  t.regex(unknown.stderr, /has no key "dave"\n {5}hint: it has ssh:twin, ssh:twin\n/);
  t.regex(
    (await run(['key', 'show', 'ssh:rsa'])).stderr,
    /key "rsa" of the SSH agent is of the kind ssh-rsa/,
  );
  const secret = await run(['key', 'export', 'ssh:twin', '--private']);
  t.is(secret.code, 1);
  t.regex(secret.stderr, /an SSH agent only signs/);
});

test('img passes on that an SSH agent refuses', async (t) => {
  if (!needsTool(t, 'ssh-agent')) return;
  const instance = await newInstance(t);
  const refused = Buffer.from('0000000105', 'hex');
  const { run } = await startFalseAgent(t, instance, (socket) => socket.write(refused));
  t.regex((await run(['key', 'show', 'ssh:a'])).stderr, /the SSH agent refused to list its keys\n {5}hint: /);
});

const faults: readonly [answer: string, message: RegExp, reason: string][] = [
  ['', /answer of the SSH agent breaks off after 0 bytes/, 'no answer at all'],
  ['00000010' + '0c00', /breaks off after 6 bytes/, 'an answer that breaks off'],
  ['ffffffff', /should have at most 262144 bytes, not 4294967295/, 'an endless answer'],
  ['00000001' + '63', /has the type 99 where 12 should be/, 'an answer of an unknown kind'],
];

for (const [answer, message, reason] of faults) {
  test(`img refuses ${reason} of an SSH agent, and lists its other keys all the same`, async (t) => {
    const instance = await newInstance(t);
    const { run } = await startFalseAgent(t, instance, (socket) => socket.end(Buffer.from(answer, 'hex')));
    const { code, stderr } = await run(['key', 'show', 'ssh:a']);
    t.is(code, 1);
    t.regex(stderr, message);
    await run(['key', 'new', 'alice'], { variables: { IMG_KEY_PASSPHRASE: 'x' } });
    const listed = await run(['key', 'list']);
    t.regex(listed.stdout, /\nalice {2}SHA256:/);
    t.regex(listed.stderr, /^without the keys of the SSH agent: /);
  });
}

test('img refuses a signature that is not by the key that the SSH agent lists', async (t) => {
  const instance = await newInstance(t);
  await instance.run(['key', 'new', 'alice'], { variables: { IMG_KEY_PASSPHRASE: 'x' } });
  const pem = await readFile(join(instance.folder, 'config/keys/alice.pub'), 'utf8');
  const blob = Buffer.from(parsePublicKey(pem).toSshLine().split(' ')[1] ?? '', 'base64');
  const string = (content: Uint8Array) => Buffer.concat([uint32(content.byteLength), content]);
  const keys = Buffer.concat([Buffer.of(12), uint32(1), string(blob), string(Buffer.from('alice'))]);
  const signature = Buffer.concat([string(Buffer.from('ssh-ed25519')), string(Buffer.alloc(64, 1))]);
  const answers = [string(keys), string(Buffer.concat([Buffer.of(14), string(signature)]))];
  const { run } = await startFalseAgent(t, instance, (socket) => socket.end(answers.shift() ?? ''));
  await writeTestApp(instance, 'one');
  await run(['build', 'app']);
  const { code, stderr } = await run(['sign', '--key', 'ssh:alice', '--no-registry', 'com.example.app']);
  t.is(code, 1);
  t.regex(stderr, /^img: signature does not verify with the signer's key SHA256:/);
});

test('img says that there is no SSH agent, and names one that is gone', async (t) => {
  const { run } = await newInstance(t);
  const none = await run(['key', 'show', 'ssh:alice']);
  t.is(none.code, 1);
  t.regex(none.stderr, /^img: there is no SSH agent: SSH_AUTH_SOCK is not set\n {5}hint: start one/);
  const gone = await run(['key', 'show', 'ssh:alice'], { variables: { SSH_AUTH_SOCK: '/nowhere/agent' } });
  t.is(gone.code, 1);
  t.regex(gone.stderr, /^img: the SSH agent at "\/nowhere\/agent" can't be asked: .*ENOENT/);
});

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
