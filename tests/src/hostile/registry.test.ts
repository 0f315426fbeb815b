import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Instance } from '@img/cli/testing/run-img';
import test, { type ExecutionContext } from 'ava';
import { setDoubleStage } from '../testing/double-stage.ts';
import { folderState } from '../testing/folder-state.ts';
import { runForRefusal } from '../testing/instance.ts';
import { leftBehind } from '../testing/left-behind.ts';
import { canRunShellApp } from '../testing/shell-app.ts';
import { putSignedShellImage } from '../testing/shell-image.ts';
import type { TestHost } from '../testing/test-host.ts';
import { contentAttacks, protocolAttacks, type RegistryAttack } from './registry-attacks.ts';

/** A registry double with a signed image, and a host that trusts its signer. */
async function prepare(t: ExecutionContext) {
  const stage = await setDoubleStage(t);
  return { ...stage, image: await putSignedShellImage(stage.repository) };
}

const pull = ['pull', 'com.example.app:1.0'];
const run = ['run', 'com.example.app:1.0'];
const copy = ['copy', 'com.example.app:1.0', 'oci:copied:1.0'];

async function isRefused(
  t: ExecutionContext,
  host: Instance,
  words: readonly string[],
  attack: RegistryAttack,
): Promise<void> {
  const { code, error, stderr } = await runForRefusal(host, words);
  const [verb] = words;
  t.is(error?.code, attack.code, `img ${verb}: ${stderr}`);
  t.regex(error?.message ?? '', attack.message, verb);
  t.is(code, attack.exitCode ?? 1, verb);
  t.true(stderr.startsWith(`img: ${error?.message}`), `what people read: ${stderr}`);
  t.regex(stderr, /^[\x20-\x7e\n]*$/, 'nothing that a terminal obeys');
}

function hasNoNames(t: ExecutionContext, host: TestHost): void {
  t.deepEqual(leftBehind(host), []);
  const named = Object.keys(folderState(host.root)).filter((path) => /^(?:refs|trust)\//.test(path));
  t.deepEqual(named, [], 'nothing that was refused has a name or counts as seen');
}

async function imagesIn(layout: string): Promise<readonly unknown[]> {
  const index = await readFile(join(layout, 'index.json'), 'utf8');
  return (JSON.parse(index) as { manifests: unknown[] }).manifests;
}

function eachAttack(
  verbs: string,
  attacks: readonly RegistryAttack[],
  body: (t: ExecutionContext, host: TestHost, attack: RegistryAttack) => Promise<void>,
): void {
  for (const attack of attacks) {
    test(`${verbs} a registry with ${attack.code} if ${attack.name}, and a good one then works`, async (t) => {
      if (!canRunShellApp(t)) return;
      const { double, image, host } = await prepare(t);
      let isAttacking = true;
      const misbehaviour = attack.begin({ double, image });
      double.misbehave((exchange) => isAttacking && misbehaviour(exchange));
      await body(t, host, attack);
      isAttacking = false;
      t.deepEqual(await host.run(run), { code: 0, stdout: 'hello\n', stderr: '' });
      t.deepEqual(leftBehind(host), []);
    });
  }
}

eachAttack('img pull, run and copy refuse', contentAttacks, async (t, host, attack) => {
  for (const words of [pull, run, copy]) await isRefused(t, host, words, attack);
  hasNoNames(t, host);
  t.deepEqual(await imagesIn(join(host.folder, 'copied')), []);
});

eachAttack('img pull refuses', protocolAttacks, async (t, host, attack) => {
  await isRefused(t, host, pull, attack);
  hasNoNames(t, host);
});
