import { mediaTypes } from '@img/spec/media-types';
import { parseTag } from '@img/spec/tag';
import test from 'ava';
import { contentOf, testImage } from '../testing/content.ts';
import { answering, onRoute } from '../testing/misbehaviours.ts';
import { app, clientOf, startDouble } from '../testing/start-double.ts';

const { manifest } = testImage(['layer']);
const tag = parseTag('1.0');

test('headTag() says what a tag means, as far as the registry does', async (t) => {
  const double = await startDouble(t);
  const repository = clientOf(t, double).repository(app, 'pull');
  t.is(await repository.headTag(tag), undefined);
  double.addManifest(app, manifest.bytes, mediaTypes.ociManifest, tag);
  t.deepEqual(await repository.headTag(tag), { digest: manifest.descriptor.digest });
  for (const headers of [{}, { 'docker-content-digest': 'sha256:x' }]) {
    double.misbehaveTimes(
      1,
      answering(({ response }) => response.writeHead(200, headers).end()),
    );
    t.deepEqual(await repository.headTag(tag), { digest: undefined });
  }
  t.is(double.count(/^GET/), 0);
});

test('headBlob() describes a blob, and refuses one without a size', async (t) => {
  const double = await startDouble(t);
  const repository = clientOf(t, double).repository(app, 'pull');
  const { bytes, descriptor } = contentOf('content');
  t.is(await repository.headBlob(descriptor.digest), undefined);
  double.addBlob(bytes);
  t.deepEqual(await repository.headBlob(descriptor.digest), descriptor);
  double.misbehave(
    onRoute(
      'blob',
      answering(({ response }) => response.writeHead(200, { 'transfer-encoding': 'chunked' }).end()),
    ),
  );
  await t.throwsAsync(repository.headBlob(descriptor.digest), { code: 'ANSWER_INVALID' });
});

test('looking for content keeps the connection for what comes next', async (t) => {
  const double = await startDouble(t);
  double.addManifest(app, manifest.bytes, mediaTypes.ociManifest, tag);
  const { digest } = double.addBlob(contentOf('content').bytes);
  const repository = clientOf(t, double).repository(app, 'pull');
  await repository.headTag(tag);
  await repository.headBlob(digest);
  await repository.getManifest(tag);
  t.deepEqual(
    double.headers.map(({ connection }) => connection),
    ['keep-alive', 'keep-alive', 'keep-alive'],
  );
});

test('listTags() begins after a tag', async (t) => {
  const double = await startDouble(t);
  for (const name of ['1', '2', '3']) double.addManifest(app, manifest.bytes, mediaTypes.ociManifest, name);
  const repository = clientOf(t, double).repository(app, 'pull');
  t.deepEqual(await Array.fromAsync(repository.listTags({ after: '2' })), ['3']);
});
