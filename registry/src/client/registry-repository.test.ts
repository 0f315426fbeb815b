import { digestOf } from '@img/spec/digest';
import { mediaTypes } from '@img/spec/media-types';
import { parseTag } from '@img/spec/tag';
import test, { type ExecutionContext } from 'ava';
import { contentOf, testImage } from '../testing/content.ts';
import { answering, endlessBody, onRoute } from '../testing/misbehaviours.ts';
import { type RegistryDouble, refuse } from '../testing/registry-double.ts';
import { app, clientOf, startDouble } from '../testing/start-double.ts';
import type { RegistryClient } from './registry-client.ts';

const { manifest } = testImage(['layer']);

async function setUp(t: ExecutionContext): Promise<{ double: RegistryDouble; client: RegistryClient }> {
  const double = await startDouble(t);
  return { double, client: clientOf(t, double) };
}

test('listTags() lists all tags, page by page', async (t) => {
  const { double, client } = await setUp(t);
  for (const tag of ['1.0', '1.1', '2.0', '3.0', 'latest']) {
    double.addManifest(app, manifest.bytes, mediaTypes.ociManifest, tag);
  }
  t.deepEqual(await Array.fromAsync(client.repository(app, 'pull').listTags()), [
    '1.0',
    '1.1',
    '2.0',
    '3.0',
    'latest',
  ]);
  t.is(double.count(/tags/), 3);
});

test('listTags() of a repository that is not there is empty', async (t) => {
  const { double, client } = await setUp(t);
  double.misbehave(
    onRoute(
      'tags',
      answering(({ response }) => refuse(response, 404, 'NAME_UNKNOWN')),
    ),
  );
  t.deepEqual(await Array.fromAsync(client.repository(app, 'pull').listTags()), []);
});

for (const [why, body, code] of [
  ['null for no tags', '{"name":"x","tags":null}', undefined],
  ['no JSON', 'hello', 'ANSWER_INVALID'],
  ['a list', '[]', 'ANSWER_INVALID'],
  ['numbers', '{"tags":[1]}', 'ANSWER_INVALID'],
  ['what is no tag', '{"tags":["../etc"]}', 'ANSWER_INVALID'],
  ['an escape sequence', '{"tags":["\\u001b[31m"]}', 'ANSWER_INVALID'],
  ['a tag of a megabyte', JSON.stringify({ tags: ['a'.repeat(1_000_000)] }), 'ANSWER_INVALID'],
] as const) {
  test(`listTags() ${code === undefined ? 'accepts' : 'refuses'} ${why}`, async (t) => {
    const { double, client } = await setUp(t);
    double.misbehave(
      onRoute(
        'tags',
        answering(({ response }) => response.writeHead(200).end(body)),
      ),
    );
    const listing = Array.fromAsync(client.repository(app, 'pull').listTags());
    if (code === undefined) t.deepEqual(await listing, []);
    else await t.throwsAsync(listing, { code });
  });
}

test('listTags() ends an endless answer', async (t) => {
  const { double, client } = await setUp(t);
  double.misbehave(endlessBody('tags', 'application/json'));
  await t.throwsAsync(Array.fromAsync(client.repository(app, 'pull').listTags()), {
    code: 'ANSWER_TOO_LONG',
  });
});

test('listRepositories() lists names and refuses what is none', async (t) => {
  const { double, client } = await setUp(t);
  let names = ['com.example.app', 'library/base'];
  double.misbehave(
    onRoute('catalog', ({ response }) => {
      response.writeHead(200).end(JSON.stringify({ repositories: names }));
      return true;
    }),
  );
  t.deepEqual(await Array.fromAsync(client.listRepositories()), names as never);
  names = ['UPPER'];
  await t.throwsAsync(Array.fromAsync(client.listRepositories()), { code: 'ANSWER_INVALID' });
});

test('putManifest() stores under a tag, and by digest without one', async (t) => {
  const { double, client } = await setUp(t);
  const repository = client.repository(app, 'push');
  await repository.putManifest(manifest, { tag: parseTag('1.0') });
  await repository.putManifest(testImage(['other']).manifest);
  t.deepEqual(double.requests, [
    `PUT /v2/${app}/manifests/1.0`,
    `PUT /v2/${app}/manifests/${testImage(['other']).manifest.descriptor.digest}`,
  ]);
  t.is(double.headers[0]?.['content-type'], mediaTypes.ociManifest);
});

test('putTagged() takes one request where the registry knows it, and one for each tag elsewhere', async (t) => {
  const { double, client } = await setUp(t);
  const repository = client.repository(app, 'push');
  const tags = ['1.0', '1', 'latest'].map(parseTag);
  await repository.putTagged(manifest, tags);
  for (const tag of tags) t.true(double.manifests.has(`${app}:${tag}`), tag);
  t.is(double.count(/^PUT/), 1);
  double.requests.length = 0;
  double.misbehaveTimes(
    1,
    onRoute(
      'manifest',
      answering(async ({ request, response }) => {
        for await (const chunk of request) void chunk;
        response.writeHead(201).end();
      }),
      'PUT',
    ),
  );
  await repository.putTagged(manifest, tags);
  const puts = ['1.0', '1', 'latest'].map((tag) => `PUT /v2/${app}/manifests/${tag}`);
  t.deepEqual(double.requests, puts);
});

test('putManifest() refuses that the registry stored something else', async (t) => {
  const { double, client } = await setUp(t);
  double.misbehave(({ response }) => {
    response.writeHead(201, { 'docker-content-digest': contentOf('other').descriptor.digest }).end();
    return true;
  });
  await t.throwsAsync(client.repository(app, 'push').putManifest(manifest), { code: 'DIGEST_MISMATCH' });
});

test('putManifest() of a sha512 digest names digest and tag, and checks that both were taken', async (t) => {
  const { double, client } = await setUp(t);
  const tag = parseTag('1.0');
  const repository = client.repository(app, 'push');
  const sha512 = {
    ...manifest,
    descriptor: { ...manifest.descriptor, digest: digestOf(manifest.bytes, 'sha512') },
  };
  await repository.putManifest(sha512, { tag });
  t.true(double.manifests.has(`${app}:1.0`));
  double.misbehave(answering(({ response }) => response.writeHead(201).end()));
  await t.throwsAsync(repository.putManifest(sha512, { tag }), { code: 'REQUEST_REFUSED' });
});

test('deleteManifest() tells whether there was something to delete', async (t) => {
  const { double, client } = await setUp(t);
  const answers = [202, 404];
  double.misbehave(
    onRoute(
      'manifest',
      answering(({ response }) => response.writeHead(answers.shift() ?? 500).end()),
      'DELETE',
    ),
  );
  const repository = client.repository(app, 'delete');
  t.true(await repository.deleteManifest(parseTag('1.0')));
  t.false(await repository.deleteManifest(parseTag('1.0')));
});
