import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { runForRefusal } from '../testing/instance.ts';
import { done, publish } from '../testing/stage.ts';
import { sceneWith } from './outside-tools.ts';

const flags = ['--insecure-ignore-tlog=true', '--allow-http-registry'];
const provenance = { buildDefinition: { buildType: 'https://example.com/build' }, runDetails: {} };

test('cosign verifies what img attests, by type and key', async (t) => {
  const scene = await sceneWith(t, 'cosign');
  if (scene === undefined) return;
  const { stage, tools } = scene;
  const { publisher, folder, registry } = stage;
  await publish(stage);
  await done(publisher, ['key', 'new', 'builder']);
  await writeFile(join(folder, 'provenance.json'), JSON.stringify(provenance));
  const image = 'com.example.app:1.0.0';
  const attest = ['attest', '--type', 'provenance', '--key', 'builder', '--remote', image, 'provenance.json'];
  await done(publisher, attest);
  const key = (name: string) => ['--key', join(folder, `config/keys/${name}.pub`)];
  const verify = ['verify-attestation', ...flags, '--type', 'slsaprovenance1'];
  const found = await tools.cosign.ok(...verify, ...key('builder'), `${registry}/${image}`);
  const { payload } = JSON.parse(found) as { payload: string };
  t.like(JSON.parse(Buffer.from(payload, 'base64').toString()), {
    predicateType: 'https://slsa.dev/provenance/v1',
    predicate: provenance,
  });
  await tools.cosign.refused(...verify, ...key('alice'), `${registry}/${image}`);
  const spdx = ['verify-attestation', ...flags, '--type', 'spdxjson', ...key('builder')];
  await tools.cosign.refused(...spdx, `${registry}/${image}`);
});

test('cosign finds the annotations of img sign where it looks for its own', async (t) => {
  // Version 2 looks at no annotations of bundles.
  const scene = await sceneWith(t, 'cosign');
  if (scene === undefined) return;
  const { stage, tools } = scene;
  await publish(stage);
  const image = 'com.example.app:1.0.0';
  const annotation = ['--annotation', 'build=4711'];
  await done(stage.publisher, ['sign', '--key', 'alice', '--remote', ...annotation, image]);
  const key = ['--key', join(stage.folder, 'config/keys/alice.pub')];
  for (const format of ['true', 'false']) {
    const verify = ['verify', ...flags, `--new-bundle-format=${format}`, ...key, '-a'];
    await tools.cosign.ok(...verify, 'build=4711', `${stage.registry}/${image}`);
    await tools.cosign.refused(...verify, 'build=4712', `${stage.registry}/${image}`);
  }
});

test('img accepts what cosign attests', async (t) => {
  const scene = await sceneWith(t, 'cosign');
  if (scene === undefined) return;
  const { stage, tools } = scene;
  const { host, publisher, folder, registry } = stage;
  await publish(stage);
  await writeFile(join(folder, 'provenance.json'), JSON.stringify(provenance));
  await tools.cosign.ok('generate-key-pair', '--output-key-prefix', join(folder, 'cosign'));
  const digest = JSON.parse(await done(publisher, ['inspect', 'com.example.app:1.0.0', '--json'])) as {
    digest: string;
  };
  const image = `${registry}/com.example.app@${digest.digest}`;
  const verify = ['verify', '--remote', 'com.example.app:1.0.0'];
  const trust = ['trust', 'add', join(folder, 'cosign.pub'), '--prefix', 'com.example.', '--role', 'builder'];
  await done(host, trust);
  const missing = await runForRefusal(host, verify);
  t.is(missing.code, 3);
  t.regex(missing.stderr, /nobody of cosign has attested its provenance/);
  await tools.cosign.ok(
    'attest',
    '--key',
    join(folder, 'cosign.key'),
    '--type',
    'slsaprovenance1',
    '--predicate',
    join(folder, 'provenance.json'),
    '--use-signing-config=false',
    '--tlog-upload=false',
    '--allow-http-registry',
    '--yes',
    image,
  );
  await done(host, verify);
  t.pass();
});
