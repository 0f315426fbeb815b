import { join } from 'node:path';
import { TestClient } from '@img/registry/server/testing/test-client';
import { basic, pushManifest } from '@img/registry/server/testing/test-registry';
import test, { type ExecutionContext } from 'ava';
import { newInstance } from '../testing/run-img.ts';
import { administrator, startTestRegistry } from '../testing/test-registry.ts';

const repository = 'com.example.app';

/** Somebody who is logged in to a registry, and what pushes there. */
async function prepare(t: ExecutionContext) {
  const instance = await newInstance(t);
  const registry = await startTestRegistry(t, instance);
  const client = new TestClient(`http://${registry}`, basic(administrator.name, administrator.password));
  t.teardown(() => client.close());
  const variables = { IMG_REGISTRY: registry, DOCKER_CONFIG: join(instance.folder, 'docker') };
  const img = (words: string, input = '') => instance.run(words.split(' '), { variables, input });
  t.is((await img('login -u admin --password-stdin', administrator.password)).code, 0);
  const push = async (text: string, reference: string) => {
    const mediaType = 'application/vnd.oci.image.index.v1+json';
    const manifest = { schemaVersion: 2, mediaType, manifests: [], annotations: { text } };
    return (await pushManifest(client, manifest, { into: repository, reference })).digest;
  };
  return { img, push };
}

test('img tag gives, moves, removes and restores the tags of a registry', async (t) => {
  const { img, push } = await prepare(t);
  const first = await push('first', 'v1');
  const second = await push('second', 'v2');
  await push('signature', `${first.replace(':', '-')}.sig`);
  t.regex((await img(`tag add ${repository}:v1 stable latest`)).stdout, /:stable {2}sha256.*\n.*:latest {2}/);
  t.regex((await img(`tag add ${repository}@${second} stable`)).stdout, new RegExp(`:stable  ${second}\n$`));
  t.regex(
    (await img(`tag list ${repository}`)).stdout,
    /^TAG +PUSHED +PULLED +DIGEST\nlatest +\S+ +never +\S+\nstable +\S+ +never +\S+\nv1 .*\nv2 .*\n$/,
  );
  t.regex((await img(`tag list ${repository} --all`)).stdout, /\nsha256-\w+\.sig /);
  t.regex((await img(`tag restore ${repository}:stable`)).stdout, new RegExp(`:stable  ${first}\n$`));
  t.is((await img(`tag remove ${repository}:stable ${repository}:v2`)).code, 0);
  const gone = await img(`tag add ${repository}:stable other`);
  t.is(gone.code, 4);
  t.regex(gone.stderr, /has no tag stable any more[\s\S]*hint: img tag restore com\.example\.app:stable/);
  t.regex((await img(`tag restore ${repository}:stable --digest ${second}`)).stdout, new RegExp(second));
  const history = (await img(`tag history ${repository}:stable`)).stdout.split('\n');
  t.deepEqual(
    history.slice(1, -1).map((line) => line.replace(/^.{19} +admin +/, '')),
    [second, 'removed', first, second, first],
  );
});

test('img retention tries rules, sets them, shows them and carries them out', async (t) => {
  const { img, push } = await prepare(t);
  for (const tag of ['v1', 'v2', 'rc1']) await push(tag, tag);
  const tried = await img(`retention run ${repository} --dry-run --keep v*`);
  t.regex(tried.stdout, /^would remove: 1 tag of 3, 0 images without a tag\n {2}rc1 {2}sha256:\w+\n$/);
  const set = await img(`retention set ${repository} --keep v1 stable --pushed 30d --untagged 14d`);
  t.is(
    set.stdout,
    'keeps tags such as v1, stable\nkeeps tags that were pushed in the last 30 days\nkeeps what has no tag for 14 days\n',
  );
  t.regex(set.stderr, /would remove now: 0 tags of 3[\s\S]*carried out from \d{4}/);
  t.is((await img(`retention set ${repository} --latest 2`)).code, 0);
  t.is(
    (await img(`retention show ${repository}`)).stdout,
    'keeps the 2 tags that were pushed last\nkeeps everything without a tag\n',
  );
  t.regex((await img(`retention run ${repository}`)).stdout, /^removed: 1 tag of 3/);
  t.is((await img(`retention remove ${repository}`)).stdout, `removed the policy of ${repository}\n`);
  await img('org add com.example');
  t.is((await img('retention set --organisation com.example --pulled 1y')).code, 0);
  t.regex((await img(`retention show ${repository}`)).stderr, /as all of com\.example\n/);
  t.is((await img('retention remove --organisation com.example')).code, 0);
});

const refused: readonly [words: string, code: number, stderr: RegExp, reason: string][] = [
  [`tag history ${repository}`, 2, /names no tag[\s\S]*hint: name one: com\.example\.app:TAG/, 'no tag'],
  [`tag history ${repository}:absent`, 4, /there is no tag com\.example\.app:absent/, 'no such tag'],
  [`tag restore ${repository}:v1`, 4, /did not point at anything else before/, 'it never moved'],
  [`tag restore ${repository}:v1 --at 2020-01-01`, 4, /did not point at anything at 2020-01-01/, 'too early'],
  [`tag restore ${repository}:v1 --digest v2`, 2, /should be a digest/, 'no digest'],
  [`retention set ${repository}`, 2, /nothing says what is kept/, 'no rule'],
  [
    `retention run ${repository} --latest 2`,
    2,
    /only tried[\s\S]*hint: add --dry-run/,
    'rules that are not set',
  ],
  [`retention run ${repository}`, 4, /there is no policy for com\.example\.app/, 'nothing is set'],
  [`retention set ${repository} --latest 0`, 2, /whole number from 1/, 'no number'],
  [`retention show --registry x ${repository}`, 2, /says its registry/, 'two registries'],
];

test('what a registry or the command line refuses of tags is said, with what to do', async (t) => {
  const { img, push } = await prepare(t);
  await push('first', 'v1');
  for (const [words, code, message, reason] of refused) {
    const result = await img(words);
    t.is(result.code, code, `${words}: ${reason}: ${result.stderr}`);
    t.regex(result.stderr, message, words);
  }
});
