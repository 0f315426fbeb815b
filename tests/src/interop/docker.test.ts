import { administrator } from '@img/cli/testing/test-registry';
import test from 'ava';
import { done, publish } from '../testing/stage.ts';
import { sceneWith } from './outside-tools.ts';

// Docker's client alone: what needs its engine is not tried.

const credentials = ['-u', administrator.name, '-p', administrator.password];

test('img and docker log in for each other', async (t) => {
  const scene = await sceneWith(t, 'docker');
  if (scene === undefined) return;
  const { stage, tools } = scene;
  const { docker } = tools;
  const { publisher, registry } = stage;
  await publish(stage);
  // Nobody may see this name without a log-in.
  const image = `${registry}/org.example.private:1`;
  await done(publisher, ['copy', 'com.example.app:1.0.0', image]);
  const inspect = ['manifest', 'inspect', '--insecure', image];
  const raw = await done(publisher, ['inspect', '--raw', 'com.example.app:1.0.0']);
  t.deepEqual(JSON.parse(await docker.ok(...inspect)), JSON.parse(raw));
  await docker.ok('logout', registry);
  t.like(await publisher.run(['push', 'com.example.app']), { code: 5 });
  await docker.refused(...inspect);
  await docker.refused('login', '-u', administrator.name, '-p', 'wrong', registry);
  await docker.ok('login', ...credentials, registry);
  await done(publisher, ['push', 'com.example.app']);
  await done(publisher, ['logout']);
  await docker.refused(...inspect);
});

test('img runs the image for this host of a list that docker made', async (t) => {
  const scene = await sceneWith(t, 'docker');
  if (scene === undefined) return;
  const { stage, tools } = scene;
  await publish(stage, { says: 'from a list' });
  const ours = `${stage.registry}/com.example.app:1.0.0`;
  const list = `${stage.registry}/com.example.list:1`;
  await tools.docker.ok('manifest', 'create', '--insecure', list, ours);
  await tools.docker.ok('manifest', 'push', '--insecure', list);
  const run = ['run', '--insecure=signature', 'com.example.list:1'];
  t.is(await done(stage.host, run), 'from a list\n');
});
