import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Instance } from '@img/cli/testing/run-img';
import { addAgentKey, startAgent } from '@img/cli/testing/ssh-agent';
import { needsTool } from '@img/sign/testing/needs';
import test from 'ava';
import { done, publish } from '../testing/stage.ts';
import { type OutsideTool, sceneWith } from './outside-tools.ts';

const image = 'com.example.app:1.0.0';

type Check = { readonly who?: string; readonly namespace?: string; readonly allowed?: string };

/** Runs `ssh-keygen -Y verify` on a signature of a folder, with another file as the message where that is given. */
function verifierIn(folder: string, sh: OutsideTool) {
  return async (
    expected: keyof OutsideTool,
    signature: string,
    { who = 'alice', namespace = 'img', allowed = 'allowed_signers' }: Check = {},
    message = `${signature}.payload`,
  ): Promise<string> => {
    const [input, sshsig, signers] = [message, `${signature}.sshsig`, allowed].map((name) =>
      join(folder, name),
    ) as [string, string, string];
    const words = ['-Y', 'verify', '-f', signers, '-I', who, '-n', namespace, '-s', sshsig];
    return await sh[expected]('-c', 'exec ssh-keygen "$@" < "$0"', input, ...words);
  };
}

/** The names of the signatures of the image, as the command writes them, without those that nobody known made. */
async function writtenSignatures(instance: Instance, folder: string): Promise<readonly string[]> {
  const { files } = JSON.parse(await done(instance, ['signatures', image, '--output', folder, '--json'])) as {
    files: string[];
  };
  return files;
}

test('ssh-keygen accepts what img signs, and refuses every other message, signer, key, use and time', async (t) => {
  const scene = await sceneWith(t, 'ssh-keygen', 'sh');
  if (scene === undefined) return;
  const { stage, tools } = scene;
  const { folder, publisher, host } = stage;
  await publish(stage);
  await done(publisher, ['key', 'new', 'bob']);
  await done(publisher, ['sign', '--key', 'bob', '--remote', image]);
  await done(host, ['trust', 'add', join(folder, 'config/keys/bob.pub'), '--prefix', 'com.example.']);
  // Of the registry: the signatures have travelled.
  const files = await writtenSignatures(host, 'signatures');
  const output = join(folder, 'signatures');
  const verify = verifierIn(output, tools.sh);
  const byAlice = files.filter((name) => name.includes('alice'));
  t.is(byAlice.length, 4, 'two tags in two encodings');
  for (const name of files) {
    const who = name.includes('alice') ? 'alice' : 'bob';
    t.regex(
      await verify('ok', name, { who }),
      new RegExp(`^Good "img" signature for ${who} with ED25519 key`),
    );
    await verify('refused', name, { who: who === 'alice' ? 'bob' : 'alice' });
  }
  const [one = '', other = ''] = byAlice;
  const allowed = await readFile(join(output, 'allowed_signers'), 'utf8');
  const rewritten = async (name: string, text: string) => {
    t.not(text, allowed);
    await writeFile(join(output, name), text);
    return { allowed: name };
  };
  await verify('refused', one, {}, `${other}.payload`);
  await verify('refused', one, { namespace: 'file' });
  const used = await rewritten('other-use', allowed.replaceAll('namespaces="img"', 'namespaces="git"'));
  await verify('refused', one, used);
  const over = allowed.replaceAll('namespaces="img"', 'namespaces="img",valid-before="20200101"');
  await verify('refused', one, await rewritten('over', over));
  const later = allowed.replaceAll('namespaces="img"', 'namespaces="img",valid-before="29990101"');
  await verify('ok', one, await rewritten('still-valid', later));
  await done(host, ['trust', 'revoke', join(folder, 'config/keys/alice.pub')]);
  await writtenSignatures(host, 'after');
  const revoked = verifierIn(join(folder, 'after'), tools.sh);
  for (const name of files) await revoked(name.includes('alice') ? 'refused' : 'ok', name, { who: 'bob' });
  await revoked('refused', one);
});

test('openssl and cosign verify-blob accept the files of img signatures, and no other message or key', async (t) => {
  const scene = await sceneWith(t, 'openssl', 'cosign', 'cosign-v2');
  if (scene === undefined) return;
  const { stage, tools } = scene;
  const { folder, publisher, host } = stage;
  await publish(stage);
  await done(publisher, ['key', 'new', 'bob']);
  const files = await writtenSignatures(host, 'signatures');
  t.is(files.length, 4);
  const at = (name: string) => join(folder, 'signatures', name);
  await writeFile(at('other'), 'other');
  const bob = join(folder, 'config/keys/bob.pub');
  const openssl = (name: string, key: string, message: string) => {
    const input = ['-rawin', '-in', message, '-sigfile', at(`${name}.sig`)];
    return ['pkeyutl', '-verify', '-pubin', '-inkey', key, ...input];
  };
  const cosign = (name: string, key: string, message: string) => {
    const flags = ['--insecure-ignore-tlog=true', '--key', key, '--signature', at(`${name}.sig`)];
    return ['verify-blob', ...flags, message];
  };
  for (const name of files) {
    const [key, message] = [at(`${name}.pub`), at(`${name}.payload`)];
    for (const [tool, words] of [
      [tools.openssl, openssl],
      [tools.cosign, cosign],
      [tools['cosign-v2'], cosign],
    ] as const) {
      await tool.ok(...words(name, key, message));
      await tool.refused(...words(name, key, at('other')));
      await tool.refused(...words(name, bob, message));
    }
  }
});

test('ssh-keygen accepts what a key of ssh-agent signs, which never leaves it', async (t) => {
  if (!needsTool(t, 'ssh-agent')) return;
  const scene = await sceneWith(t, 'ssh-keygen', 'sh');
  if (scene === undefined) return;
  const { stage, tools } = scene;
  await publish(stage);
  const publisher = await startAgent(t, stage.publisher);
  await writeFile(join(stage.folder, 'carol.pub'), addAgentKey(publisher, 'carol@laptop'));
  await done(publisher, ['sign', '--key', 'ssh:carol@laptop', '--remote', image]);
  await done(stage.host, ['trust', 'add', 'carol.pub', '--prefix', 'com.example.']);
  const files = await writtenSignatures(stage.host, 'signatures');
  const byCarol = files.filter((name) => name.includes('carol'));
  t.is(byCarol.length, 2);
  const verify = verifierIn(join(stage.folder, 'signatures'), tools.sh);
  for (const name of byCarol) await verify('ok', name, { who: 'carol' });
});

test('signatures of other tools come without a file for ssh-keygen', async (t) => {
  const scene = await sceneWith(t, 'cosign-v2');
  if (scene === undefined) return;
  const { stage, tools } = scene;
  await publish(stage);
  const key = join(stage.folder, 'cosign');
  await tools['cosign-v2'].ok('generate-key-pair', '--output-key-prefix', key);
  const name = `${stage.registry}/com.example.app`;
  const flags = ['--yes', '--key', `${key}.key`, '--tlog-upload=false', '--allow-http-registry'];
  const digest = JSON.parse(await done(stage.publisher, ['inspect', image, '--json'])) as { digest: string };
  await tools['cosign-v2'].ok('sign', ...flags, `${name}@${digest.digest}`);
  await done(stage.host, ['trust', 'add', `${key}.pub`, '--prefix', 'com.example.']);
  const files = await writtenSignatures(stage.host, 'signatures');
  const theirs = files.find((file) => file.includes('cosign')) ?? '';
  const there = await readdir(join(stage.folder, 'signatures'));
  t.deepEqual(there.filter((file) => file.startsWith(theirs)).toSorted(), [
    `${theirs}.payload`,
    `${theirs}.pub`,
    `${theirs}.sig`,
  ]);
});
