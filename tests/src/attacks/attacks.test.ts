import { cp, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Instance } from '@img/cli/testing/run-img';
import { answering } from '@img/registry/testing/misbehaviours';
import { clientOf } from '@img/registry/testing/start-double';
import { parseRepositoryName } from '@img/spec/repository-name';
import test, { type ExecutionContext } from 'ava';
import { setDoubleStage } from '../testing/double-stage.ts';
import { runForRefusal, withVariables } from '../testing/instance.ts';
import { leftBehind } from '../testing/left-behind.ts';
import { canRunShellApp } from '../testing/shell-app.ts';
import { putSignedShellImage, signShellImage } from '../testing/shell-image.ts';
import { done } from '../testing/stage.ts';
import type { TestHost } from '../testing/test-host.ts';
import { wrongClock } from '../testing/wrong-clock.ts';
import { type Attack, type AttackStage, alice, tagged } from './attack.ts';
import { attacks } from './attacks.ts';

for (const attack of attacks) {
  test(`${attack.name}: img run refuses with ${attack.reason}, also offline, where ${attack.what}`, async (t) => {
    if (!canRunShellApp(t)) return;
    const stage = await prepare(t, attack);
    const { double, host: rightHost } = stage;
    await attack.begin(stage);
    const { clockSeconds, asked = tagged } = attack;
    const host = clockSeconds === undefined ? rightHost : withVariables(rightHost, wrongClock(clockSeconds));
    await isRefused(t, host, ['--pull', 'always', asked], attack, 'out of the registry');
    t.deepEqual(leftBehind(rightHost), []);
    await done(host, ['pull', asked]);
    await done(host, ['copy', asked, 'oci:stick:1.0']);
    double.misbehave(answering(({ request }) => void request.socket.destroy()));
    await isRefused(t, host, ['--pull', 'never', asked], attack, 'which was pulled before');
    const offline = await withAnotherStore(host, rightHost);
    await done(offline, ['copy', 'oci:stick:1.0', `host:${double.host}/${asked}`]);
    await isRefused(t, offline, ['--pull', 'never', asked], attack, 'out of a layout on a stick');
  });
}

/** A registry with a good image, which the host has run, so that it remembers the number. */
async function prepare(t: ExecutionContext, { rules, signers = [alice] }: Attack): Promise<AttackStage> {
  const stage = await setDoubleStage(t, rules);
  const { double, host, repository } = stage;
  const claim = { sequence: 7 };
  const [first = alice, ...others] = signers;
  const good = await putSignedShellImage(repository, { claim, key: first });
  for (const key of others) await signShellImage(repository, good, claim, key);
  t.is(await done(host, ['run', tagged]), 'hello\n', 'before the attack all is well');
  const client = clientOf(t, double);
  return { ...stage, good, repositoryOf: (name) => client.repository(parseRepositoryName(name), 'push') };
}

async function isRefused(
  t: ExecutionContext,
  host: Instance,
  words: readonly string[],
  { reason, message }: Attack,
  way: string,
): Promise<void> {
  const { code, error, stderr } = await runForRefusal(host, ['run', ...words]);
  t.is(code, 3, `${way}: ${stderr}`);
  t.like(error, { code: 'NOT_TRUSTED', reason }, way);
  const [, name, clause = ''] = /^(\S+) is not trusted: (.*)$/.exec(error?.message ?? '') ?? [];
  t.is(name, words.at(-1), way);
  t.regex(clause, message, way);
  t.is(stderr, `img: ${error?.message}\n     hint: ${error?.hint}\n`, 'what people read, and nothing more');
}

/** The same host, which remembers the same, with another disk: nothing of an image is there. */
async function withAnotherStore(host: Instance, { root, folder }: TestHost): Promise<Instance> {
  const other = join(folder, 'other-root');
  const { length } = await readdir(join(root, 'trust'));
  if (length === 0) throw new Error('the host remembers nothing');
  await cp(join(root, 'trust'), join(other, 'trust'), { recursive: true });
  return withVariables(host, { IMG_ROOT: other });
}
