import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { newInstance } from '../testing/run-img.ts';
import { writeTestApp } from '../testing/test-app.ts';
import { administrator, startTestRegistry } from '../testing/test-registry.ts';

/** An administrator who is logged in, with the organisation com.example and the keys alice and bob. */
async function prepare(t: ExecutionContext) {
  const instance = await newInstance(t);
  const registry = await startTestRegistry(t, instance);
  const variables = { IMG_REGISTRY: registry, IMG_KEY_PASSPHRASE: '' };
  const run = (words: string, input = '') => instance.run(words.split(' '), { variables, input });
  const done = async (words: string, input = '') => {
    const result = await run(words, input);
    t.is(result.code, 0, `${words}: ${result.stderr}`);
    return result;
  };
  await done(`login -u ${administrator.name} --password-stdin`, administrator.password);
  await done('org add com.example');
  for (const key of ['alice', 'bob']) await done(`key new ${key}`);
  return { instance, registry, run, done };
}

test('a tag that two must sign is written when both have, and the registry says so', async (t) => {
  const { instance, registry, run, done } = await prepare(t);
  await writeTestApp(instance, 'one');
  await done('build app');
  const set = await done('org rule set com.example --signer alice bob --require 2');
  t.is(set.stdout, 'required: 2 of alice, bob for com.example\n');
  const refused = await run('push --sign alice com.example.app:1.0.0');
  t.is(refused.code, 5, refused.stderr);
  t.regex(
    refused.stderr,
    /^img: could not put manifest 1\.0\.0 into .*: 403 DENIED "the rule of com\.example refuses this tag: .*signed by alice only, but must be by 2 of alice, bob for com\.example\. Push .*"$/m,
  );
  const signIt =
    /\n {5}hint: the image is there without the tag; sign it with img (sign --remote --key) KEY (\S+), and push again/;
  const [, verb, name] = signIt.exec(refused.stderr) ?? [];
  t.truthy(name, refused.stderr);
  t.is((await run(`verify --remote ${registry}/com.example.app:1.0.0`)).code, 4, 'there is no tag yet');
  await done(`${verb} bob ${name}`);
  await done('push com.example.app:1.0.0');
  const signers = await done('repo signers com.example.app:1.0.0');
  t.regex(
    signers.stdout,
    /^Signed By: alice, bob \(2 of alice, bob for com\.example\) - com\.example\.app:1\.0\.0, admitted \d{4}-\d\d-\d\dT\S+Z\n$/,
  );
  t.regex(signers.stderr, /^by the rule of com\.example$/m);
  t.regex((await run('push com.example.app:latest')).stderr, /has no signature|signed it as tag/);
});

test('a rule that requires a log admits what is in it, whether pushed and signed in one step or one after the other', async (t) => {
  const { instance, done } = await prepare(t);
  await writeTestApp(instance, 'one');
  await done('build app');
  const { key } = JSON.parse((await done('log create com.example --json')).stdout) as { key: string };
  await done('trust add alice --name Alice --prefix com.example');
  await done(`trust log ${key} --prefix com.example`);
  await done(`org rule set com.example ${join(instance.folder, 'config/trust.d/local.json')}`);
  await done('push --sign alice com.example.app:1.0.0');
  const signers = (await done('repo signers com.example.app:1.0.0')).stdout;
  t.regex(
    signers,
    /^Signed By: Alice \(1 of alice for com\.example, logged in .*\) - com\.example\.app:1\.0\.0, admitted/,
  );
  await done('sign --key alice com.example.app:latest');
  await done('push com.example.app:latest');
});

test('rules are shown as they were set, come from files, and are removed', async (t) => {
  const { instance, run, done } = await prepare(t);
  const roles = await done('org rule set com.example --signer alice --refresher bob');
  t.is(roles.stdout, 'required: 1 of alice for com.example, refreshed by bob\n');
  await done('org rule remove com.example');
  await done('trust add alice --name Alice --prefix com.example.app.');
  const file = join(instance.folder, 'config/trust.d/local.json');
  await done(`repo rule set com.example.app ${file}`);
  const shown = await done('repo rule show com.example.app');
  t.is(shown.stdout, 'required: 1 of alice for com.example.app.*\n');
  t.regex(shown.stderr, /^the rule of com\.example\.app, set by admin at \d{4}-/m);
  const raw = (await done('repo rule show --raw com.example.app')).stdout;
  t.like(JSON.parse(raw), { format: 1, identities: [{ id: 'alice', name: 'Alice' }] });
  t.is((await done('repo rule remove com.example.app')).stdout, 'removed the rule of com.example.app\n');
  await writeFile(join(instance.folder, 'other.json'), raw);
  for (const [words, code, message, reason] of [
    ['repo rule show com.example.app', 4, /there is no rule for com\.example\.app/, 'none is left'],
    ['org rule remove com.example', 4, /there is no rule at com\.example/, 'none was set'],
    [
      'org rule set com.example',
      2,
      /nothing says who must sign\n {5}hint: give --signer KEY/,
      'no rule given',
    ],
    ['org rule set com.example none.json', 2, /there is no file "none\.json"/, 'no such file'],
    ['org rule set com.example other.json --signer bob', 2, /give the one or the other/, 'two rules given'],
    ['org rule set com.example --signer alice --require 2', 2, /requires 2 of 1 identities/, 'too few'],
    ['org rule set com.example --signer carol', 4, /carol/, 'no such key'],
    ['repo rule set com.other other.json', 5, /has rules for com\.example\.app\. only/, 'about other names'],
    ['org rule set org.absent --signer bob', 4, /there is no organisation org\.absent/, 'nowhere'],
  ] as const) {
    const result = await run(words);
    t.is(result.code, code, `${reason}: ${result.stderr}`);
    t.regex(result.stderr, message, reason);
  }
});
