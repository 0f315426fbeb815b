import { once } from 'node:events';
import { join } from 'node:path';
import { newInstance } from '@img/cli/testing/run-img';
import test, { type ExecutionContext } from 'ava';
import { foreignRegistries, startForeignRegistry } from '../testing/foreign-registry.ts';
import { startImg, withVariables } from '../testing/instance.ts';
import { done, publish } from '../testing/stage.ts';
import { sceneWith } from './outside-tools.ts';

const image = 'com.example.app:1.0.0';

for (const kind of foreignRegistries) {
  test(`crane, skopeo and img pull through img serve what the registry of ${kind} has, signatures included`, async (t) => {
    const scene = await sceneWith(t, kind, 'crane', 'skopeo');
    if (scene === undefined) return;
    const { stage, tools } = scene;
    const { crane, skopeo } = tools;
    await publish(stage, { says: 'well travelled' }, ['--compress', 'gzip']);
    const foreign = await startForeignRegistry(t, kind, stage.folder);
    await done(stage.publisher, ['copy', `${stage.registry}/${image}`, `${foreign}/${image}`]);
    const mirror = await serveCopies(t, foreign);
    t.regex(await crane.ok('validate', '--remote', `${mirror}/${image}`), /^PASS: /);
    t.is(await crane.ok('digest', `${mirror}/${image}`), await crane.ok('digest', `${foreign}/${image}`));
    t.is(
      await crane.ok('ls', `${mirror}/com.example.app`),
      await crane.ok('ls', `${foreign}/com.example.app`),
    );
    const pulled = `dir:${join(stage.folder, 'pulled')}`;
    await skopeo.ok('copy', '--src-tls-verify=false', `docker://${mirror}/${image}`, pulled);
    const there = withVariables(stage.host, { IMG_REGISTRY: mirror });
    t.is(await done(there, ['run', image]), 'well travelled\n');
  });
}

/** Starts `img serve` all of whose names are copies, which everybody may pull. */
async function serveCopies(t: ExecutionContext, foreign: string): Promise<string> {
  const instance = await newInstance(t);
  const words = ['serve', '--json', '--listen', '127.0.0.1:0', '--copies', `*=${foreign}`, '--public', '*'];
  const { child, ended } = startImg(t, instance, words);
  const first = once(child.stdout, 'data') as Promise<[Buffer]>;
  const said = await Promise.race([first.then(([line]) => line), ended]);
  if (!Buffer.isBuffer(said)) throw new Error(`img serve ended: ${said.stderr}`);
  return (JSON.parse(String(said)) as { readonly host: string }).host;
}
