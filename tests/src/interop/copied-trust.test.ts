import { newInstance } from '@img/cli/testing/run-img';
import { administrator, startTestRegistry } from '@img/cli/testing/test-registry';
import test, { type ExecutionContext } from 'ava';
import { foreignRegistries, startForeignRegistry } from '../testing/foreign-registry.ts';
import { runForRefusal, withVariables } from '../testing/instance.ts';
import { done, publish, type Stage } from '../testing/stage.ts';
import { sceneWith } from './outside-tools.ts';

const image = 'com.example.app:1.0.0';
const bothPlain = ['--src-tls-verify=false', '--dest-tls-verify=false'];

for (const kind of foreignRegistries) {
  test(`trust and the proof of a log travel with skopeo and oras to the registry of ${kind}, and with img back`, async (t) => {
    const scene = await sceneWith(t, kind, 'skopeo', 'oras');
    if (scene === undefined) return;
    const { stage, tools } = scene;
    const { registry, publisher, host } = stage;
    await requireLog(stage);
    await publish(stage, { says: 'well travelled' }, ['--platform', 'linux/amd64', 'linux/arm64']);
    const foreign = await startForeignRegistry(t, kind, stage.folder);
    const there = withVariables(host, { IMG_REGISTRY: foreign });
    const skopeo = ['copy', '--all', ...bothPlain, `docker://${registry}/${image}`];
    await tools.skopeo.ok(...skopeo, `docker://${foreign}/${image}`);
    const bare = await runForRefusal(there, ['verify', '--remote', image]);
    t.like(bare, { code: 3 }, 'skopeo copies the image and nothing that is attached');
    const oras = ['cp', '-r', '--from-plain-http', '--to-plain-http', `${registry}/${image}`];
    await tools.oras.ok(...oras, `${foreign}/${image}`);
    t.regex(await done(there, ['verify', '--remote', image]), /Signed By: Alice/);
    const ours = await startOurs(t, stage);
    await done(publisher, ['copy', `${foreign}/${image}`, `${ours}/${image}`]);
    const back = withVariables(host, { IMG_REGISTRY: ours });
    t.is(await done(back, ['run', image]), 'well travelled\n');
  });

  test(`trust and the proof of a log travel with img to the registry of ${kind}, and with oras back`, async (t) => {
    const scene = await sceneWith(t, kind, 'oras');
    if (scene === undefined) return;
    const { stage, tools } = scene;
    const { registry, publisher, host } = stage;
    await requireLog(stage);
    await publish(stage, { says: 'well travelled' });
    const foreign = await startForeignRegistry(t, kind, stage.folder);
    await done(publisher, ['copy', `${registry}/${image}`, `${foreign}/${image}`]);
    const there = withVariables(host, { IMG_REGISTRY: foreign });
    t.regex(await done(there, ['verify', '--remote', image]), /Signed By: Alice/);
    const ours = await startOurs(t, stage);
    const oras = ['cp', '-r', '--from-plain-http', '--to-plain-http', `${foreign}/${image}`];
    await tools.oras.ok(...oras, `${ours}/${image}`);
    const back = withVariables(host, { IMG_REGISTRY: ours });
    t.is(await done(back, ['run', image]), 'well travelled\n');
  });
}

/** Makes a log at the registry that the host demands, so that nothing counts whose proof got lost on the way. */
async function requireLog({ publisher, host }: Stage): Promise<void> {
  await done(publisher, ['org', 'add', 'com.example']);
  const { key } = JSON.parse(await done(publisher, ['log', 'create', 'com.example', '--json'])) as {
    key: string;
  };
  await done(host, ['trust', 'log', key, '--prefix', 'com.example.']);
}

/** Another registry of ours, empty, to which the publisher is logged in. */
async function startOurs(t: ExecutionContext, { publisher }: Stage): Promise<string> {
  const registry = await startTestRegistry(t, await newInstance(t));
  const login = ['login', '-u', administrator.name, '--password-stdin', registry];
  await done(publisher, login, administrator.password);
  return registry;
}
