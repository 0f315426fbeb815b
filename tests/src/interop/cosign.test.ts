import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { digestOf } from '@img/spec/digest';
import test from 'ava';
import { runForRefusal } from '../testing/instance.ts';
import { writeShellApp } from '../testing/shell-app.ts';
import { done, publish, type Stage } from '../testing/stage.ts';
import {
  putChangedBundles,
  putChangedPayloads,
  putJunkSignature,
  putRenamedKeys,
  putReplayedBundles,
  putReplayedPayloads,
} from './changed-signatures.ts';
import { type OutsideTool, sceneWith } from './outside-tools.ts';
import { administratorOf, readSignatures } from './stored-signatures.ts';

const versions = ['cosign-v2', 'cosign'] as const;

for (const version of versions) {
  test(`${version} verifies bundles, and the older signatures where there are no bundles, also among junk`, async (t) => {
    const scene = await sceneWith(t, version, 'skopeo');
    if (scene === undefined) return;
    const { stage, tools } = scene;
    await publish(stage);
    await done(stage.publisher, ['key', 'new', 'bob']);
    const verify = await verifierOf(tools[version], stage);
    const registry = administratorOf(t, stage.registry);
    const signatures = await readSignatures(registry);
    const { digest, tag } = signatures;
    for (const copied of ['1.0.0', tag]) await copyTag(tools.skopeo, stage, copied, 'com.example.older');
    await putJunkSignature(registry, signatures, 'com.example.older');
    const verified: readonly (readonly [image: string, type: string])[] = [
      ['com.example.app:1.0.0', 'https://sigstore.dev/cosign/sign/v1'],
      [`com.example.app@${digest}`, 'https://sigstore.dev/cosign/sign/v1'],
      ['com.example.older:1.0.0', 'cosign container image signature'],
      [`com.example.older@${digest}`, 'cosign container image signature'],
    ];
    for (const [image, type] of verified) {
      const claims = JSON.parse(await verify('ok', 'alice', image)) as { critical: object }[];
      t.is(claims.length, 2, `${image}: one for each tag`);
      for (const { critical } of claims) {
        t.like(critical, { image: { 'docker-manifest-digest': digest }, type }, image);
      }
      await verify('refused', 'bob', image);
    }
  });

  test(`${version} refuses statements that were changed, in both encodings`, async (t) => {
    const scene = await sceneWith(t, version, 'skopeo');
    if (scene === undefined) return;
    const { stage, tools } = scene;
    await publish(stage);
    const verify = await verifierOf(tools[version], stage);
    const registry = administratorOf(t, stage.registry);
    const signatures = await readSignatures(registry);
    for (const [name, put] of [
      ['com.example.changed-bundles', putChangedBundles],
      ['com.example.renamed-keys', putRenamedKeys],
      ['com.example.changed-payloads', putChangedPayloads],
    ] as const) {
      await copyTag(tools.skopeo, stage, '1.0.0', name);
      await put(registry, signatures, name);
      await verify('refused', 'alice', `${name}:1.0.0`);
    }
  });

  test(`${version} refuses signatures of another image, in both encodings`, async (t) => {
    const scene = await sceneWith(t, version, 'skopeo');
    if (scene === undefined) return;
    const { stage, tools } = scene;
    await publish(stage);
    const registry = administratorOf(t, stage.registry);
    const signatures = await readSignatures(registry);
    await publish(stage, { version: '1.1.0', says: 'newer' });
    const verify = await verifierOf(tools[version], stage);
    await verify('ok', 'alice', 'com.example.app:1.1.0');
    const other = await done(stage.publisher, ['inspect', '--raw', 'com.example.app:1.1.0']);
    for (const [name, put] of [
      ['com.example.replayed-bundles', putReplayedBundles],
      ['com.example.replayed-payloads', putReplayedPayloads],
    ] as const) {
      await copyTag(tools.skopeo, stage, '1.1.0', name);
      await put(registry, signatures, name, digestOf(Buffer.from(other)));
      await verify('refused', 'alice', `${name}:1.1.0`);
    }
  });

  test(`${version} verifies an index and each of its images`, async (t) => {
    const scene = await sceneWith(t, version, 'skopeo');
    if (scene === undefined) return;
    const { stage, tools } = scene;
    await publish(stage, {}, ['--platform', 'linux/amd64', 'linux/arm64']);
    const verify = await verifierOf(tools[version], stage);
    const index = await done(stage.publisher, ['inspect', '--raw', 'com.example.app:1.0.0']);
    const { manifests } = JSON.parse(index) as { manifests: { digest: string }[] };
    t.is(manifests.length, 2);
    for (const reference of [':1.0.0', ...manifests.map(({ digest }) => `@${digest}`)]) {
      await verify('ok', 'alice', `com.example.app${reference}`);
    }
  });
}

test('a tag that was moved to another signed image is accepted by cosign and refused by img', async (t) => {
  const scene = await sceneWith(t, 'cosign', 'skopeo');
  if (scene === undefined) return;
  const { stage, tools } = scene;
  await publish(stage);
  await publish(stage, { version: '1.1.0', says: 'newer' });
  await copyTag(tools.skopeo, stage, '1.0.0', 'com.example.app', '1.1.0');
  const verify = await verifierOf(tools.cosign, stage);
  await verify('ok', 'alice', 'com.example.app:1.1.0');
  t.like(await runForRefusal(stage.host, ['run', 'com.example.app:1.1.0']), { code: 3 });
  t.is(await done(stage.host, ['run', 'com.example.app:1.0.0']), 'hello\n');
});

test('img accepts what cosign v2 signs for a tag', async (t) => {
  const scene = await sceneWith(t, 'cosign-v2');
  if (scene === undefined) return;
  const { stage, tools } = scene;
  const digest = await publishUnsigned(stage);
  await tools['cosign-v2'].ok('generate-key-pair', '--output-key-prefix', join(stage.folder, 'cosign'));
  const name = `${stage.registry}/com.example.app`;
  const identity = ['--sign-container-identity', `${name}:1.0.0`];
  await signWith(tools['cosign-v2'], stage, ...identity, `${name}@${digest}`);
  t.like(
    await runForRefusal(stage.host, ['run', 'com.example.app:1.0.0']),
    { code: 3 },
    'nobody trusts the key',
  );
  await trustCosign(stage);
  t.is(await done(stage.host, ['run', 'com.example.app:1.0.0']), 'hello\n');
});

test('img accepts what cosign v3 signs, which names no tag, for a digest only', async (t) => {
  const scene = await sceneWith(t, 'cosign');
  if (scene === undefined) return;
  const { stage, tools } = scene;
  const digest = await publishUnsigned(stage);
  await tools.cosign.ok('generate-key-pair', '--output-key-prefix', join(stage.folder, 'cosign'));
  const image = `${stage.registry}/com.example.app@${digest}`;
  await signWith(tools.cosign, stage, '--use-signing-config=false', image);
  await trustCosign(stage);
  t.is(await done(stage.host, ['run', `com.example.app@${digest}`]), 'hello\n');
  const refused = await runForRefusal(stage.host, ['run', 'com.example.app:1.0.0']);
  t.is(refused.code, 3);
  t.regex(refused.stderr, /without naming a tag/);
});

type Verifier = (expected: keyof OutsideTool, key: string, image: string) => Promise<string>;

/** Verifies images of the stage's registry with cosign and a public key of the publisher. */
async function verifierOf(cosign: OutsideTool, { folder, registry }: Stage): Promise<Verifier> {
  // Without it cosign v2 asks the network for keys that it then doesn't need.
  const root = join(folder, 'trusted-root.json');
  await writeFile(root, '{"mediaType":"application/vnd.dev.sigstore.trustedroot+json;version=0.1"}');
  return async (expected, key, image) => {
    const options = ['--key', join(folder, 'config/keys', `${key}.pub`), '--insecure-ignore-tlog=true'];
    return await cosign[expected]('verify', ...options, '--trusted-root', root, `${registry}/${image}`);
  };
}

/** Copies a tag of com.example.app as mirrors do: without anything that is attached. */
async function copyTag(
  skopeo: OutsideTool,
  { registry }: Stage,
  tag: string,
  to: string,
  toTag = tag,
): Promise<void> {
  const [source, target] = [`com.example.app:${tag}`, `${to}:${toTag}`];
  const plain = ['--src-tls-verify=false', '--dest-tls-verify=false'];
  await skopeo.ok('copy', ...plain, `docker://${registry}/${source}`, `docker://${registry}/${target}`);
}

/** Pushes com.example.app:1.0.0 without signatures, and gives its digest. */
async function publishUnsigned({ folder, publisher }: Stage): Promise<string> {
  await writeShellApp(folder);
  await done(publisher, ['build', 'app']);
  await done(publisher, ['push', 'com.example.app']);
  return digestOf(Buffer.from(await done(publisher, ['inspect', '--raw', 'com.example.app:1.0.0'])));
}

/** Signs with a key that was made in the stage's folder, without a log. */
async function signWith(cosign: OutsideTool, { folder }: Stage, ...words: readonly string[]): Promise<void> {
  await cosign.ok('sign', '--yes', '--key', join(folder, 'cosign.key'), '--tlog-upload=false', ...words);
}

async function trustCosign({ folder, host }: Stage): Promise<void> {
  const key = join(folder, 'cosign.pub');
  await done(host, ['trust', 'add', key, '--name', 'Somebody with cosign', '--prefix', 'com.example.']);
}
