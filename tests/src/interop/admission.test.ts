import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { digestOf } from '@img/spec/digest';
import test from 'ava';
import { writeShellApp } from '../testing/shell-app.ts';
import { done, type Stage } from '../testing/stage.ts';
import { sceneWith } from './outside-tools.ts';

const unmet =
  /the rule of com\.example\.app refuses this tag: com\.example\.app:2\.0 is not trusted: it has no signature; required: 1 of alice for com\.example\.app\. Push the image by its digest, have it signed as this tag, then push the tag/;

/** An image that is in the registry by its digest, and a rule that Alice must have signed its tags. */
async function prepare({ folder, publisher }: Stage): Promise<string> {
  await writeShellApp(folder);
  await done(publisher, ['build', 'app']);
  await done(publisher, ['repo', 'rule', 'set', 'com.example.app', '--signer', 'alice']);
  const digest = digestOf(Buffer.from(await done(publisher, ['inspect', '--raw', 'com.example.app:1.0.0'])));
  await done(publisher, ['push', `com.example.app@${digest}`]);
  return digest;
}

test('crane and skopeo say why a rule refuses a tag, and write it once the image is signed', async (t) => {
  const scene = await sceneWith(t, 'crane', 'skopeo');
  if (scene === undefined) return;
  const { stage, tools } = scene;
  const { crane, skopeo } = tools;
  const digest = await prepare(stage);
  const repository = `${stage.registry}/com.example.app`;
  const plain = ['--src-tls-verify=false', '--dest-tls-verify=false'];
  const copy = ['copy', ...plain, `docker://${repository}@${digest}`, `docker://${repository}:2.0`];
  t.regex(await crane.refused('tag', `${repository}@${digest}`, '2.0'), unmet);
  t.regex(await skopeo.refused(...copy), unmet);
  t.is(await crane.ok('ls', repository), '');
  const image = `com.example.app:2.0@${digest}`;
  await done(stage.publisher, ['sign', '--key', 'alice', '--remote', image]);
  await crane.ok('tag', `${repository}@${digest}`, '2.0');
  await skopeo.ok(...copy);
  t.is(await crane.ok('digest', `${repository}:2.0`), `${digest}\n`);
  await crane.refused('tag', `${repository}@${digest}`, '3.0');
});

test('cosign verifies what the registry says of a tag that it admitted, and still who signed the image', async (t) => {
  const scene = await sceneWith(t, 'cosign');
  if (scene === undefined) return;
  const { stage, tools } = scene;
  const { folder, publisher, registry } = stage;
  await prepare(stage);
  await done(publisher, ['push', '--sign', 'alice', 'com.example.app:1.0.0']);
  const key = join(folder, 'registry.pub');
  await writeFile(key, await done(publisher, ['repo', 'key']));
  const image = `${registry}/com.example.app:1.0.0`;
  const ignoring = '--insecure-ignore-tlog=true';
  const type = ['--type', 'https://slsa.dev/verification_summary/v1'];
  const found = await tools.cosign.ok('verify-attestation', ignoring, ...type, '--key', key, image);
  const { payload } = JSON.parse(found) as { payload: string };
  t.like(JSON.parse(Buffer.from(payload, 'base64').toString()), {
    predicateType: 'https://slsa.dev/verification_summary/v1',
    predicate: { verificationResult: 'PASSED' },
  });
  const alice = join(folder, 'config/keys/alice.pub');
  await tools.cosign.refused('verify-attestation', ignoring, ...type, '--key', alice, image);
  await tools.cosign.ok('verify', ignoring, '--key', alice, image);
});
