import test from 'ava';
import { pushManifest, startTestRegistry } from '../server/testing/test-registry.ts';
import { organisation, type Stage, startStage } from './testing/stage.ts';

const type = 'application/vnd.oci.image.index.v1+json';
const json = { 'content-type': 'application/json' };
const repository = 'com.example.app';
const base = `/api/v1/repositories/${repository}`;
const dayMs = 24 * 60 * 60 * 1000;

type Move = { digest?: string; actor: string; isStored: boolean };

async function push({ client }: Pick<Stage, 'client'>, text: string, reference = 'v1') {
  const manifest = { schemaVersion: 2, mediaType: type, manifests: [], annotations: { text } };
  return (await pushManifest(client, manifest, { into: repository, reference })).digest;
}

function send(stage: Stage, method: string, path: string, body?: object) {
  const content = body === undefined ? {} : { headers: json, body: JSON.stringify(body) };
  return stage.as('owner').send(method, `${base}${path}`, content);
}

test('the history of a tag says what it was, who moved it and whether that can be restored', async (t) => {
  const stage = await startStage(t);
  const first = await push(stage, 'first');
  const second = await push(stage, 'second');
  t.is((await send(stage, 'DELETE', '/tags/v1')).status, 204);
  t.is((await send(stage, 'DELETE', '/tags/v1')).status, 404, 'it is gone');
  t.is((await stage.client.send('DELETE', `/v2/${repository}/manifests/${first}`)).status, 202);
  const moves = (await send(stage, 'GET', '/tags/v1/history')).json as readonly Move[];
  t.deepEqual(
    moves.map(({ digest, actor, isStored }) => [digest, actor, isStored]),
    [
      [undefined, 'owner', false],
      [second, 'admin', true],
      [first, 'admin', false],
    ],
  );
  t.is((await send(stage, 'PUT', '/tags/v1', { digest: first })).status, 404, 'it was deleted');
  t.is(
    (await send(stage, 'PUT', '/tags/v1', { digest: second, current: first })).status,
    409,
    'it has moved',
  );
  t.is((await send(stage, 'PUT', '/tags/v1', { digest: second, current: '' })).status, 204);
  t.is((await stage.client.send('GET', `/v2/${repository}/manifests/v1`)).status, 200);
  t.is((await send(stage, 'GET', '/tags/absent/history')).status, 404);
});

const refused: readonly [
  method: string,
  path: string,
  body: object | undefined,
  status: number,
  reason: string,
][] = [
  ['PUT', '/tags/v1', { digest: 'sha256:abc' }, 400, 'no digest'],
  ['PUT', '/tags/-v1', { digest: `sha256:${'a'.repeat(64)}` }, 400, 'no tag'],
  ['PUT', '/retention', { latest: 0 }, 400, 'nothing is never the latest'],
  ['PUT', '/retention', { keep: 'v*' }, 400, 'one pattern is no list'],
  ['PUT', '/retention', { latests: 3 }, 400, 'a misspelt rule keeps nothing'],
  ['POST', '/retention/run', { isDryRun: false }, 404, 'there is no policy'],
  ['POST', '/retention/run', { isDryRun: false, policy: {} }, 409, 'a policy that is not stored'],
  ['DELETE', '/retention', undefined, 404, 'there is no policy'],
  ['GET', '/retention', undefined, 404, 'there is no policy'],
];

test('what says nothing sensible of tags and policies is refused', async (t) => {
  const stage = await startStage(t);
  await push(stage, 'first');
  for (const [method, path, body, status, reason] of refused) {
    t.is((await send(stage, method, path, body)).status, status, `${method} ${path}: ${reason}`);
  }
});

test('a list of tags says when they were pushed and pulled, by pages', async (t) => {
  let now = Date.UTC(2026, 0, 1);
  const registry = await startTestRegistry(t, { clock: () => now, limits: { sweepMs: 1 } });
  const digest = await push(registry, 'first', 'a');
  await push(registry, 'second', 'b');
  now += dayMs;
  await registry.client.send('GET', `/v2/${repository}/manifests/${digest}`);
  const list = async (query = '') =>
    (await registry.client.send('GET', `${base}/tags${query}`)).json as {
      tags: readonly { tag: string; pushedAt: string; pulledAt?: string }[];
      next?: string;
    };
  // Pulls are noted now and then.
  for (;;) if ((await list()).tags[0]?.pulledAt !== undefined) break;
  t.deepEqual(await list('?n=1'), {
    tags: [{ tag: 'a', digest, pushedAt: '2026-01-01T00:00:00.000Z', pulledAt: '2026-01-02T00:00:00.000Z' }],
    next: 'a',
  } as object);
  const { tags, next } = await list('?after=a');
  t.deepEqual([tags.map(({ tag, pulledAt }) => [tag, pulledAt]), next], [[['b', undefined]], undefined]);
});

test('a policy is tried, then carried out; an organisation has one for what has none of its own', async (t) => {
  const stage = await startStage(t);
  await push(stage, 'first', 'v1');
  await push(stage, 'second', 'rc');
  const run = async (body: object) => (await send(stage, 'POST', '/retention/run', body)).json;
  const tried = (await run({ isDryRun: true, policy: { keep: ['v*'] } })) as { tags: { tag: string }[] };
  t.deepEqual(
    tried.tags.map(({ tag }) => tag),
    ['rc'],
  );
  const path = `/api/v1/organisations/${organisation}/retention`;
  const body = JSON.stringify({ keep: ['rc'] });
  t.is((await stage.as('owner').send('PUT', path, { headers: json, body })).status, 200);
  t.like((await send(stage, 'GET', '/retention')).json, { policy: { keep: ['rc'] }, organisation });
  t.is((await send(stage, 'PUT', '/retention', { keep: ['v*'] })).status, 200);
  t.like((await send(stage, 'GET', '/retention')).json, {
    policy: { keep: ['v*'] },
    organisation: undefined,
  });
  t.like(await run({ isDryRun: false }), { keptTags: 1, removedTags: 1, removedManifests: 0 });
  t.deepEqual((await stage.client.send('GET', `/v2/${repository}/tags/list`)).json, {
    name: repository,
    tags: ['v1'],
  });
  t.is((await send(stage, 'DELETE', '/retention')).status, 204);
  await stage.call('deleteOrganisation', { organisation }, undefined);
  await stage.call('createOrganisation', {}, { name: organisation });
  t.is((await stage.client.send('GET', path)).status, 404, 'another organisation has another policy');
});
