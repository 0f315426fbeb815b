import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { newInstance } from '@img/cli/testing/run-img';
import { administrator } from '@img/cli/testing/test-registry';
import { AccountsClient } from '@img/registry/accounts/accounts-client';
import { LogClient } from '@img/registry/log/log-client';
import { startRegistry } from '@img/registry/server/start-registry';
import { findTool } from '@img/registry/server/testing/tools';
import { checkProof } from '@img/sign/log/check-proof';
import { parseNoteKey } from '@img/sign/log/note-key';
import { compiledByGo } from '@img/sign/testing/needs';
import { temporaryFolder } from '@img/sign/testing/temporary-folder';
import { testClaim } from '@img/sign/testing/test-claim';
import { signedEvidence } from '@img/sign/testing/test-evidence';
import { testKey } from '@img/sign/testing/test-keys';
import { parseRepositoryName } from '@img/spec/repository-name';
import test, { type ExecutionContext } from 'ava';
import { startLitewitness } from '../testing/litewitness.ts';

const namespace = parseRepositoryName('com.example');

/** A registry with an empty log. */
async function prepare(t: ExecutionContext) {
  const registry = await startRegistry({
    dataFolder: temporaryFolder(t),
    administrator,
    // However busy the machine is.
    limits: { witnessMs: 3_600_000 },
  });
  t.teardown(() => registry.close());
  const login = { kind: 'password', username: administrator.name, password: administrator.password } as const;
  const credentials = async () => login;
  await using accounts = new AccountsClient(registry.host, { credentials });
  await accounts.call('createOrganisation', {}, { name: namespace });
  const client = new LogClient(registry.host, { credentials });
  t.teardown(() => client[Symbol.asyncDispose]());
  const document = await client.setUp(namespace, { visibility: 'public' });
  const add = async (sequence: number) => {
    const { bundles } = await signedEvidence(testKey(1), { sequence });
    const bundle = bundles[0] as Uint8Array;
    return { bundle, proof: await client.add(document, testClaim.repository, bundle) };
  };
  return { client, document, add };
}

test('litewitness signs what the log of a registry has, and hosts may demand that', async (t) => {
  const isThere = (await findTool(t, 'litewitness', compiledByGo())) !== undefined;
  if (!isThere || (await findTool(t, 'ssh-agent')) === undefined) return;
  const { client, document, add } = await prepare(t);
  const name = parseNoteKey(document.key).name;
  const witness = await startLitewitness(t, await newInstance(t), { name, key: document.key });
  await client.setUp(namespace, { witnesses: [witness] });
  const known = {
    key: parseNoteKey(document.key),
    witnesses: [parseNoteKey(witness.key)],
    requireWitnesses: 1,
  };
  for (const sequence of [1, 2, 3]) {
    const { bundle, proof } = await add(sequence);
    const checked = checkProof(bundle, proof, known);
    t.is(checked.problem, undefined, checked.message);
    t.regex(checked.message, /is entry \d of .*, seen by 1 witness, last at /);
  }
  t.like(await client.find(namespace), { size: 3 });
});

test('spicy believes the proofs of the log of a registry, and no others', async (t) => {
  const spicy = await findTool(t, 'spicy', compiledByGo());
  if (spicy === undefined) return;
  const { document, add } = await prepare(t);
  const file = join(temporaryFolder(t), 'entry');
  for (const sequence of [1, 2, 3, 4, 5]) {
    const { bundle, proof } = await add(sequence);
    await writeFile(file, bundle);
    // spicy is older than the first line of such proofs.
    const signature = proof.replace(/^c2sp\.org\/tlog-proof@v1\n/, '');
    await writeFile(`${file}.spicy`, signature);
    const believed = await spicy(['-verify', document.key, file]);
    t.is(believed.status, 0, believed.stderr);
    await writeFile(`${file}.spicy`, signature.replace(/^index \d/, `index ${sequence}`));
    t.not((await spicy(['-verify', document.key, file])).status, 0, 'another place');
  }
  await writeFile(file, 'something else');
  t.not((await spicy(['-verify', document.key, file])).status, 0, 'another entry');
});
