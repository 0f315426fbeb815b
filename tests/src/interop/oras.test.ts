import { join } from 'node:path';
import { newInstance } from '@img/cli/testing/run-img';
import { administrator, startTestRegistry } from '@img/cli/testing/test-registry';
import test from 'ava';
import { withVariables } from '../testing/instance.ts';
import { done, publish } from '../testing/stage.ts';
import { sceneWith } from './outside-tools.ts';

const bundleType = 'application/vnd.dev.sigstore.bundle.v0.3+json';

test('oras shows what is attached to our image, in a registry and in a layout', async (t) => {
  const scene = await sceneWith(t, 'oras');
  if (scene === undefined) return;
  const { stage, tools } = scene;
  await publish(stage);
  const layout = join(stage.folder, 'layout');
  await done(stage.publisher, ['copy', 'host:com.example.app:1.0.0', `oci:${layout}:1.0.0`]);
  for (const place of [
    ['--plain-http', `${stage.registry}/com.example.app:1.0.0`],
    ['--oci-layout', `${layout}:1.0.0`],
  ]) {
    const shown = JSON.parse(await tools.oras.ok('discover', '--format', 'json', ...place)) as {
      referrers: { artifactType: string; annotations: object }[];
    };
    t.deepEqual(
      shown.referrers.map(({ artifactType }) => artifactType),
      [bundleType, bundleType],
    );
    for (const { annotations } of shown.referrers) {
      t.like(annotations, {
        'dev.sigstore.bundle.content': 'dsse-envelope',
        'dev.sigstore.bundle.predicateType': 'https://sigstore.dev/cosign/sign/v1',
      });
    }
  }
});

test('trust travels with oras, through a layout to another registry', async (t) => {
  const scene = await sceneWith(t, 'oras');
  if (scene === undefined) return;
  const { stage, tools } = scene;
  const { oras } = tools;
  await publish(stage, { says: 'by a stick' }, ['--platform', 'linux/amd64', 'linux/arm64']);
  const layout = `${join(stage.folder, 'layout')}:1.0.0`;
  const ours = `${stage.registry}/com.example.app:1.0.0`;
  await oras.ok('cp', '-r', '--from-plain-http', ours, '--to-oci-layout', layout);
  const mirror = await startTestRegistry(t, await newInstance(t));
  const login = ['-u', administrator.name, '-p', administrator.password];
  await oras.ok('login', '--plain-http', ...login, mirror);
  const copy = `${mirror}/com.example.app:1.0.0`;
  await oras.ok('cp', '-r', '--from-oci-layout', layout, '--to-plain-http', copy);
  const host = withVariables(stage.host, { IMG_REGISTRY: mirror });
  t.is(await done(host, ['run', 'com.example.app:1.0.0']), 'by a stick\n');
});

test('trust travels with img through a layout that oras wrote, and the other way', async (t) => {
  const scene = await sceneWith(t, 'oras');
  if (scene === undefined) return;
  const { stage, tools } = scene;
  const { oras } = tools;
  await publish(stage, { says: 'from a layout' });
  const image = 'com.example.app:1.0.0';
  const [theirs, ours] = ['theirs', 'ours'].map((name) => `${join(stage.folder, name)}:1.0.0`);
  const place = `${stage.registry}/${image}`;
  await oras.ok('cp', '-r', '--from-plain-http', place, '--to-oci-layout', `${theirs}`);
  await done(stage.host, ['copy', `oci:${theirs}`, `host:${image}`]);
  t.is(await done(stage.host, ['run', '--pull=never', image]), 'from a layout\n');
  await done(stage.publisher, ['copy', `host:${image}`, `oci:${ours}`]);
  const copy = `${stage.registry}/com.example.back:1.0.0`;
  await oras.ok('cp', '-r', '--from-oci-layout', `${ours}`, '--to-plain-http', copy);
  const shown = await oras.ok('discover', '--plain-http', '--format', 'json', copy);
  t.is(shown.split(`"artifactType": "${bundleType}"`).length - 1, 2);
});
