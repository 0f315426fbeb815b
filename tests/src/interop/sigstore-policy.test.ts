import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { digestOf } from '@img/spec/digest';
import test from 'ava';
import { done, publish, type Stage } from '../testing/stage.ts';
import { putChangedPayloads, putJunkSignature, putReplayedPayloads } from './changed-signatures.ts';
import { sceneWith } from './outside-tools.ts';
import { administratorOf, readSignatures } from './stored-signatures.ts';

// The policy of skopeo, podman, buildah, CRI-O and bootc: containers-policy.json(5).

test('a policy of sigstoreSigned accepts our image for the tags that were signed and by digest, also among junk', async (t) => {
  const scene = await sceneWith(t, 'skopeo-debian-13');
  if (scene === undefined) return;
  const { stage, tools } = scene;
  const skopeo = tools['skopeo-debian-13'];
  await publish(stage);
  await publish(stage, { version: '1.1.0', says: 'newer' });
  const copy = copyOptions(stage, await writePolicy(stage, ['alice']));
  const registry = administratorOf(t, stage.registry);
  const signatures = await readSignatures(registry);
  await putJunkSignature(registry, signatures, 'com.example.app');
  for (const [index, image] of [
    'com.example.app:1.0.0',
    'com.example.app:1.1.0',
    'com.example.app:latest',
    `com.example.app@${signatures.digest}`,
  ].entries()) {
    await skopeo.ok(...copy(image, `accepted-${index}`));
  }
  const place = (tag: string) => `docker://${stage.registry}/com.example.app:${tag}`;
  const plain = ['--src-tls-verify=false', '--dest-tls-verify=false'];
  await skopeo.ok('copy', ...plain, place('1.0.0'), place('1.2.0'));
  const refused = await skopeo.refused(...copy('com.example.app:1.2.0', 'moved'));
  t.regex(refused, /Signature for identity .*com\.example\.app:(?:1\.0\.0|latest).* is not accepted/);
});

test('a policy of sigstoreSigned refuses what is changed, of another image, or of another repository', async (t) => {
  const scene = await sceneWith(t, 'skopeo-debian-13');
  if (scene === undefined) return;
  const { stage, tools } = scene;
  const skopeo = tools['skopeo-debian-13'];
  await publish(stage);
  const registry = administratorOf(t, stage.registry);
  const signatures = await readSignatures(registry);
  await publish(stage, { version: '1.1.0', says: 'newer' });
  const other = await done(stage.publisher, ['inspect', '--raw', 'com.example.app:1.1.0']);
  const copy = copyOptions(stage, await writePolicy(stage, ['alice']));
  for (const [name, tag, put, reason] of [
    ['changed', '1.0.0', putChangedPayloads, /cryptographic signature verification failed/],
    ['replayed', '1.1.0', putReplayedPayloads, /Signature for digest sha256:\w{64} does not match/],
    // As they are: it is the name that does not fit.
    ['moved', '1.0.0', putReplayedPayloads, /Signature for identity .*com\.example\.app:.* is not accepted/],
  ] as const) {
    const digest = tag === '1.0.0' ? signatures.digest : digestOf(Buffer.from(other));
    const [from, to] = [`com.example.app:${tag}`, `com.example.${name}:${tag}`];
    const places = [from, to].map((image) => `docker://${stage.registry}/${image}`);
    await skopeo.ok('copy', '--src-tls-verify=false', '--dest-tls-verify=false', ...places);
    await put(registry, signatures, `com.example.${name}`, digest);
    t.regex(await skopeo.refused(...copy(to, name)), reason, name);
  }
});

test('a policy of sigstoreSigned counts people: one key, another key, both keys', async (t) => {
  const scene = await sceneWith(t, 'skopeo-debian-13');
  if (scene === undefined) return;
  const { stage, tools } = scene;
  const skopeo = tools['skopeo-debian-13'];
  await publish(stage);
  const image = 'com.example.app:1.0.0';
  await done(stage.publisher, ['key', 'new', 'bob']);
  const both = copyOptions(stage, await writePolicy(stage, ['alice', 'bob']));
  await skopeo.refused(...copyOptions(stage, await writePolicy(stage, ['bob']))(image, 'bob'));
  await skopeo.refused(...both(image, 'one-missing'));
  await done(stage.publisher, ['sign', '--key', 'bob', image]);
  await done(stage.publisher, ['push', image]);
  await skopeo.ok(...both(image, 'both'));
});

test('a policy of sigstoreSigned accepts an index with all its images, because each of them is signed', async (t) => {
  const scene = await sceneWith(t, 'skopeo-debian-13');
  if (scene === undefined) return;
  const { stage, tools } = scene;
  const skopeo = tools['skopeo-debian-13'];
  await publish(stage, {}, ['--platform', 'linux/amd64', 'linux/arm64']);
  const copy = copyOptions(stage, await writePolicy(stage, ['alice']));
  const image = 'com.example.app:1.0.0';
  await skopeo.ok(...copy(image, 'one'));
  await skopeo.ok(...copy(image, 'all'), '--all');
  const index = await done(stage.publisher, ['inspect', '--raw', image]);
  const { manifests } = JSON.parse(index) as { manifests: { digest: string }[] };
  for (const { digest } of manifests) {
    const path = `/v2/com.example.app/manifests/${digest.replace(':', '-')}.sig`;
    t.is((await administratorOf(t, stage.registry).send('DELETE', path)).status, 202);
  }
  t.regex(
    await skopeo.refused(...copy(image, 'index-only')),
    /signature was required, but no signature exists/,
  );
});

/** Writes a policy that demands signatures of everybody named, and gives the options that make skopeo heed it. */
async function writePolicy(
  { folder, registry }: Stage,
  names: readonly string[],
): Promise<readonly string[]> {
  const home = join(folder, `policy-of-${names.join('-and-')}`);
  await mkdir(home);
  const requirements = names.map((name) => ({
    type: 'sigstoreSigned',
    keyPath: join(folder, 'config/keys', `${name}.pub`),
  }));
  const policy = { default: [{ type: 'reject' }], transports: { docker: { [registry]: requirements } } };
  await writeFile(join(home, 'policy.json'), JSON.stringify(policy));
  // JSON is YAML, too.
  const attachments = { docker: { [registry]: { 'use-sigstore-attachments': true } } };
  await writeFile(join(home, 'registries.yaml'), JSON.stringify(attachments));
  return ['--policy', join(home, 'policy.json'), '--registries.d', home];
}

/** Copies an image to a folder, which the policy has to allow; without the signatures, which have no place there. */
function copyOptions(
  { folder, registry }: Stage,
  policy: readonly string[],
): (image: string, to: string) => readonly string[] {
  return (image, to) => {
    const places = [`docker://${registry}/${image}`, `dir:${join(folder, to)}`];
    return [...policy, 'copy', '--src-tls-verify=false', '--remove-signatures', ...places];
  };
}
