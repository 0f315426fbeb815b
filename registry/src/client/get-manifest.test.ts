import { type Digest, digestOf } from '@img/spec/digest';
import { mediaTypes } from '@img/spec/media-types';
import { parseTag } from '@img/spec/tag';
import test, { type ExecutionContext } from 'ava';
import { contentOf, testImage } from '../testing/content.ts';
import { endlessBody, onRoute, staleTag, wrongContentType } from '../testing/misbehaviours.ts';
import type { RegistryDouble } from '../testing/registry-double.ts';
import { app, clientOf, startDouble } from '../testing/start-double.ts';
import type { RegistryRepository } from './registry-repository.ts';

const tag = parseTag('1.0');
const { manifest } = testImage(['layer']);
const { digest } = manifest.descriptor;

async function setUp(
  t: ExecutionContext,
): Promise<{ double: RegistryDouble; repository: RegistryRepository }> {
  const double = await startDouble(t);
  double.addManifest(app, manifest.bytes, mediaTypes.ociManifest, tag);
  return { double, repository: clientOf(t, double).repository(app, 'pull') };
}

test('getManifest() gets by tag and by digest', async (t) => {
  const { repository } = await setUp(t);
  for (const reference of [tag, digest]) {
    const found = await repository.getManifest(reference);
    t.deepEqual(found?.descriptor, manifest.descriptor);
    t.deepEqual(Buffer.from(found?.bytes ?? []), Buffer.from(manifest.bytes));
  }
});

test('getManifest() of what is not there is undefined', async (t) => {
  const { repository } = await setUp(t);
  t.is(await repository.getManifest(parseTag('2.0')), undefined);
  t.is(await repository.getManifest(contentOf('x').descriptor.digest), undefined);
});

test('getManifest() accepts all kinds of manifests and indexes, and no others', async (t) => {
  const { double, repository } = await setUp(t);
  await repository.getManifest(tag);
  t.is(
    double.headers[0]?.accept,
    [mediaTypes.ociIndex, mediaTypes.ociManifest, mediaTypes.dockerIndex, mediaTypes.dockerManifest].join(
      ', ',
    ),
  );
});

test('getManifest() takes the digest of another algorithm from the registry and checks it', async (t) => {
  const { double, repository } = await setUp(t);
  const sha512 = digestOf(manifest.bytes, 'sha512');
  double.misbehave(staleTag(double, sha512));
  t.is((await repository.getManifest(tag))?.descriptor.digest, sha512);
});

test('getManifest() refuses a tag whose digest and content differ', async (t) => {
  const { double, repository } = await setUp(t);
  double.misbehave(staleTag(double, contentOf('newer').descriptor.digest));
  await t.throwsAsync(repository.getManifest(tag), {
    code: 'DIGEST_MISMATCH',
    message: /get manifest 1\.0 of 127/,
  });
});

for (const [why, body] of [
  ['other content', testImage(['another']).manifest.bytes],
  ['less', manifest.bytes.subarray(1)],
  ['nothing', new Uint8Array()],
] as const) {
  test(`getManifest() by digest refuses ${why}`, async (t) => {
    const { double, repository } = await setUp(t);
    double.misbehave(answer(mediaTypes.ociManifest, body));
    await t.throwsAsync(repository.getManifest(digest), { code: 'DIGEST_MISMATCH' });
  });
}

for (const contentType of ['text/html; charset=utf-8', 'application/json', 'application/octet-stream', '']) {
  test(`getManifest() refuses the content type ${JSON.stringify(contentType)}`, async (t) => {
    const { double, repository } = await setUp(t);
    double.misbehave(wrongContentType(double, contentType));
    await t.throwsAsync(repository.getManifest(tag), { code: 'CONTENT_TYPE_INVALID' });
  });
}

test('getManifest() reads past parameters and upper case in a content type', async (t) => {
  const { double, repository } = await setUp(t);
  double.misbehave(wrongContentType(double, `${mediaTypes.ociManifest.toUpperCase()}; charset=utf-8`));
  t.is((await repository.getManifest(tag))?.descriptor.mediaType, mediaTypes.ociManifest);
});

for (const [why, contentType, body] of [
  ['JSON that is no manifest', mediaTypes.ociManifest, '{"schemaVersion":2}'],
  ['no JSON', mediaTypes.ociManifest, 'hello'],
  ['a manifest that is said to be an index', mediaTypes.ociIndex, manifest.bytes],
] as const) {
  test(`getManifest() refuses ${why}`, async (t) => {
    const { double, repository } = await setUp(t);
    double.misbehave(answer(contentType, body));
    await t.throwsAsync(repository.getManifest(tag), { code: 'IMAGE_INVALID' });
  });
}

test('getManifest() ends an endless manifest at the limit', async (t) => {
  const { double, repository } = await setUp(t);
  double.misbehave(endlessBody('manifest', mediaTypes.ociManifest));
  await t.throwsAsync(repository.getManifest(tag), { code: 'ANSWER_TOO_LONG' });
});

test('getManifest() does not begin to read what is announced as too long', async (t) => {
  const { double, repository } = await setUp(t);
  double.misbehave(
    onRoute('manifest', ({ response }) => {
      response.writeHead(200, { 'content-type': mediaTypes.ociManifest, 'content-length': 2 ** 40 });
      response.write('{');
      return true;
    }),
  );
  await t.throwsAsync(repository.getManifest(tag), { code: 'ANSWER_TOO_LONG' });
});

test('getManifest() asks again when the answer is cut off, and then gives up', async (t) => {
  const { double, repository } = await setUp(t);
  const cutOff = onRoute('manifest', ({ response }) => {
    response.writeHead(200, {
      'content-type': mediaTypes.ociManifest,
      'content-length': manifest.bytes.byteLength,
    });
    response.write(manifest.bytes.subarray(0, 10), () => response.destroy());
    return true;
  });
  double.misbehaveTimes(1, cutOff);
  t.is((await repository.getManifest(tag))?.descriptor.digest, digest);
  double.misbehave(cutOff);
  await t.throwsAsync(repository.getManifest(tag), { code: 'ANSWER_TRUNCATED' });
});

test('a name of one part is found under library/ at Docker Hub only', async (t) => {
  const { double } = await setUp(t);
  await clientOf(t, double).repository(app, 'pull').getManifest(tag);
  t.is(double.requests[0], `GET /v2/${app}/manifests/1.0`);
});

function answer(contentType: string, body: Uint8Array | string) {
  return onRoute('manifest', ({ response }) => {
    const said: { [name: string]: string } = { 'content-type': contentType };
    response.writeHead(200, said).end(body);
    return true;
  });
}

test('getManifest() checks a digest of sha512 in that algorithm', async (t) => {
  const { double, repository } = await setUp(t);
  const sha512: Digest = digestOf(manifest.bytes, 'sha512');
  double.misbehave(answer(mediaTypes.ociManifest, manifest.bytes));
  t.is((await repository.getManifest(sha512))?.descriptor.digest, sha512);
});
