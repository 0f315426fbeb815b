import { limits } from '@img/spec/limits';
import { parseManifest } from '@img/spec/manifest';
import { mediaTypes } from '@img/spec/media-types';
import { referrersTag } from '@img/spec/routes';
import test, { type ExecutionContext } from 'ava';
import { contentOf, testImage, testReferrer } from '../testing/content.ts';
import { answering, endlessBody, onRoute } from '../testing/misbehaviours.ts';
import { type RegistryDouble, refuse } from '../testing/registry-double.ts';
import { app, clientOf, startDouble } from '../testing/start-double.ts';
import type { RegistryRepository } from './registry-repository.ts';

const image = testImage(['layer']).manifest;
const subject = image.descriptor;
const first = testReferrer(subject, contentOf('one', 'application/vnd.example.note'));
const second = testReferrer(subject, contentOf('two', 'application/vnd.example.note'));

async function setUp(
  t: ExecutionContext,
): Promise<{ double: RegistryDouble; repository: RegistryRepository }> {
  const double = await startDouble(t);
  return { double, repository: clientOf(t, double).repository(app, 'push') };
}

test('listReferrers() lists what the registry lists, with type and annotations', async (t) => {
  const { repository } = await setUp(t);
  await repository.putManifest(first);
  const [found] = await repository.listReferrers(subject.digest);
  t.is(found?.digest, first.descriptor.digest);
  t.is(found?.artifactType, 'application/vnd.example.note');
  t.deepEqual(found?.annotations, { 'com.example.note': 'attached' });
});

test('a registry with the API gets no list of its clients', async (t) => {
  const { double, repository } = await setUp(t);
  await repository.putManifest(first);
  t.false(double.manifests.has(`${app}:${referrersTag(subject.digest)}`));
});

test('without the API, referrers are listed from the tag that clients keep', async (t) => {
  const { double, repository } = await setUp(t);
  double.hasReferrersApi = false;
  t.deepEqual(await repository.listReferrers(subject.digest), []);
  await repository.putManifest(first);
  await repository.putManifest(second);
  await repository.putManifest(first);
  const found = await repository.listReferrers(subject.digest);
  t.deepEqual(
    found.map(({ digest }) => digest),
    [first.descriptor.digest, second.descriptor.digest],
  );
  t.is(found[0]?.artifactType, 'application/vnd.example.note');
  t.deepEqual(found[0]?.annotations, { 'com.example.note': 'attached' });
  const stored = double.manifests.get(`${app}:${referrersTag(subject.digest)}`);
  t.is(stored?.mediaType, mediaTypes.ociIndex);
  t.is(parseManifest(stored?.bytes ?? new Uint8Array(), mediaTypes.ociIndex).kind, 'index');
});

test('a referrer that another client has just overwritten is added again', async (t) => {
  const { double, repository } = await setUp(t);
  double.hasReferrersApi = false;
  await repository.putManifest(first);
  const key = `${app}:${referrersTag(subject.digest)}`;
  const before = double.manifests.get(key);
  double.misbehaveTimes(
    1,
    onRoute(
      'manifest',
      async ({ request, response, route }) => {
        if (route?.parameter !== referrersTag(subject.digest)) return false;
        for await (const chunk of request) void chunk;
        // The other client's list wins.
        if (before !== undefined) double.manifests.set(key, before);
        response.writeHead(201).end();
        return true;
      },
      'PUT',
    ),
  );
  await repository.putManifest(second);
  t.is((await repository.listReferrers(subject.digest)).length, 2);
});

test('a list that others keep overwriting is given up with an error', async (t) => {
  const { double, repository } = await setUp(t);
  double.hasReferrersApi = false;
  double.misbehave(
    onRoute(
      'manifest',
      async ({ request, response, route }) => {
        if (route?.parameter !== referrersTag(subject.digest)) return false;
        for await (const chunk of request) void chunk;
        response.writeHead(201).end();
        return true;
      },
      'PUT',
    ),
  );
  await t.throwsAsync(repository.putManifest(first), {
    code: 'REQUEST_REFUSED',
    message: /others overwrite/,
  });
});

test('listReferrers() ignores a fallback tag that holds an image', async (t) => {
  const { double, repository } = await setUp(t);
  double.hasReferrersApi = false;
  double.addManifest(app, image.bytes, mediaTypes.ociManifest, referrersTag(subject.digest));
  t.deepEqual(await repository.listReferrers(subject.digest), []);
});

test('listReferrers() reads all pages', async (t) => {
  const { double, repository } = await setUp(t);
  double.misbehave(
    onRoute('referrers', ({ response, url }) => {
      const isFirst = !url.searchParams.has('page');
      const { descriptor } = isFirst ? first : second;
      response.writeHead(200, {
        'content-type': mediaTypes.ociIndex,
        ...(isFirst ? { link: `<${url.pathname}?page=2>; rel="next"` } : {}),
      });
      response.end(JSON.stringify({ schemaVersion: 2, manifests: [descriptor] }));
      return true;
    }),
  );
  t.is((await repository.listReferrers(subject.digest)).length, 2);
});

for (const [why, link] of [
  ['another host', '<https://evil.example.com/v2/>; rel="next"'],
  ['another port', '<http://127.0.0.1:1/v2/>; rel=next'],
  ['no URL', '<http://[::>; rel="next"'],
  ['itself for ever', '<?same>; rel="next"'],
] as const) {
  test(`listReferrers() refuses a next page at ${why}`, async (t) => {
    const { double, repository } = await setUp(t);
    double.misbehave(
      onRoute('referrers', ({ response }) => {
        response.writeHead(200, { 'content-type': mediaTypes.ociIndex, link });
        response.end('{"schemaVersion":2,"manifests":[]}');
        return true;
      }),
    );
    await t.throwsAsync(repository.listReferrers(subject.digest), { code: 'LINK_REFUSED' });
  });
}

test('listReferrers() ends a list that is too long', async (t) => {
  const { double, repository } = await setUp(t);
  let page = 0;
  double.misbehave(
    onRoute('referrers', ({ response }) => {
      page += 1;
      const manifests = Array.from({ length: 1000 }, () => first.descriptor);
      response.writeHead(200, { 'content-type': mediaTypes.ociIndex, link: `<?page=${page}>; rel="next"` });
      response.end(JSON.stringify({ schemaVersion: 2, manifests }));
      return true;
    }),
  );
  await t.throwsAsync(repository.listReferrers(subject.digest), { code: 'ANSWER_TOO_LONG' });
  t.is(page, Math.floor(limits.indexManifests / 1000) + 1);
});

for (const [why, contentType, body, code] of [
  ['of another type', 'text/html', '<html>', 'CONTENT_TYPE_INVALID'],
  ['of no type', '', '{}', 'CONTENT_TYPE_INVALID'],
  ['without JSON', mediaTypes.ociIndex, '<html>', 'IMAGE_INVALID'],
  ['with a malformed digest', mediaTypes.ociIndex, badIndex(), 'IMAGE_INVALID'],
] as const) {
  test(`listReferrers() refuses an answer ${why}`, async (t) => {
    const { double, repository } = await setUp(t);
    double.misbehave(
      onRoute('referrers', ({ response }) => {
        const said: { [name: string]: string } = { 'content-type': contentType };
        response.writeHead(200, said).end(body);
        return true;
      }),
    );
    await t.throwsAsync(repository.listReferrers(subject.digest), { code });
  });
}

test('listReferrers() ends an endless answer', async (t) => {
  const { double, repository } = await setUp(t);
  double.misbehave(endlessBody('referrers', mediaTypes.ociIndex));
  await t.throwsAsync(repository.listReferrers(subject.digest), { code: 'ANSWER_TOO_LONG' });
});

test('listReferrers() does not take a refusal for a missing API', async (t) => {
  const { double, repository } = await setUp(t);
  double.misbehave(
    onRoute(
      'referrers',
      answering(({ response }) => refuse(response, 403, 'DENIED')),
    ),
  );
  await t.throwsAsync(repository.listReferrers(subject.digest), { code: 'ACCESS_DENIED' });
});

function badIndex(): string {
  return JSON.stringify({
    schemaVersion: 2,
    manifests: [{ mediaType: mediaTypes.ociManifest, digest: 'sha256:xyz', size: 1 }],
  });
}
