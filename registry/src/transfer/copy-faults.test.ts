import { randomBytes } from 'node:crypto';
import { encodeManifest } from '@img/spec/manifest';
import { mediaTypes } from '@img/spec/media-types';
import type { ProgressEvent } from '@img/spec/progress';
import test from 'ava';
import { amd64, arm64, fill, index, tag } from '../testing/attached-image.ts';
import { contentOf, type TestContent, testImage } from '../testing/content.ts';
import { onRoute, truncatedBody, wrongDigest } from '../testing/misbehaviours.ts';
import { layoutPlace, storePlace } from '../testing/places.ts';
import { app, clientOf, startDouble } from '../testing/start-double.ts';
import { copy } from './copy.ts';

test('copy() names the source of content that is wrong, and leaves no tag', async (t) => {
  const double = await startDouble(t);
  const source = clientOf(t, double).repository(app, 'push');
  await fill(source);
  const { digest } = (amd64.layers[0] as TestContent).descriptor;
  double.misbehave((exchange) => {
    return exchange.route?.parameter === digest && wrongDigest(double, digest)(exchange);
  });
  const { target } = await layoutPlace(t);
  const error = await t.throwsAsync(copy({ source, target, reference: tag, tags: [tag] }), {
    code: 'DIGEST_MISMATCH',
  });
  t.true(error?.message.includes(`blob ${digest} of ${double.host}/${app}`));
  t.is(await target.getManifest(tag), undefined);
});

test('copy() goes on after an interruption with what is missing', async (t) => {
  const double = await startDouble(t);
  const source = clientOf(t, double).repository(app, 'push');
  const image = testImage([randomBytes(5_000_000)]);
  const layer = image.layers[0] as TestContent;
  for (const { bytes } of [image.config, layer]) double.addBlob(bytes);
  double.addManifest(app, image.manifest.bytes, mediaTypes.ociManifest, tag);
  const isBroken = { value: true };
  double.misbehave((exchange) => {
    const isLayer = exchange.route?.parameter === layer.descriptor.digest;
    return isLayer && isBroken.value && truncatedBody(double, layer.descriptor.digest)(exchange);
  });
  const { target } = await storePlace(t);
  await t.throwsAsync(copy({ source, target, reference: tag, tags: [tag] }), { code: 'ANSWER_TRUNCATED' });
  isBroken.value = false;
  double.headers.length = 0;
  await copy({ source, target, reference: tag, tags: [tag] });
  t.deepEqual(
    double.headers.map(({ range }) => range).filter((range) => range !== undefined),
    ['bytes=2500000-'],
  );
});

test('copy() ends when it is aborted, with the reason, and leaves no tag', async (t) => {
  const { target: filled, source } = await storePlace(t);
  await fill(filled);
  const { target } = await layoutPlace(t);
  const controller = new AbortController();
  const { signal } = controller;
  const progress = ({ kind }: ProgressEvent) => {
    if (kind === 'done') controller.abort(new Error('stopped by the user'));
  };
  await t.throwsAsync(
    copy({ source: await source(), target, reference: tag, tags: [tag], progress, signal }),
    {
      message: 'stopped by the user',
    },
  );
  t.is(await target.getManifest(tag), undefined);
});

test('copy() of what is not there says so', async (t) => {
  const { source, target } = await storePlace(t);
  await t.throwsAsync(copy({ source: await source(), target, reference: tag }), {
    code: 'CONTENT_MISSING',
    message: 'registry.example.com/com.example.app on this host has no image "1.0"',
  });
});

test('copy() of an index whose image is missing says which', async (t) => {
  const double = await startDouble(t);
  double.addManifest(app, index.bytes, mediaTypes.ociIndex, tag);
  const { target } = await storePlace(t);
  const error = await t.throwsAsync(
    copy({ source: clientOf(t, double).repository(app, 'pull'), target, reference: tag }),
    { code: 'CONTENT_MISSING' },
  );
  t.regex(error?.message ?? '', /lacks the manifest sha256:[0-9a-f]{64} of an index/);
});

test('copy() of an index that is wrong about a manifest says so', async (t) => {
  const double = await startDouble(t);
  const { descriptor, bytes: manifest } = amd64.manifest;
  double.addManifest(app, manifest, mediaTypes.ociManifest);
  const bytes = encodeManifest({
    kind: 'index',
    mediaType: mediaTypes.ociIndex,
    artifactType: undefined,
    manifests: [{ ...descriptor, size: descriptor.size + 1 }],
    subject: undefined,
    annotations: {},
  });
  double.addManifest(app, bytes, mediaTypes.ociIndex, tag);
  const { target } = await storePlace(t);
  await t.throwsAsync(copy({ source: clientOf(t, double).repository(app, 'pull'), target, reference: tag }), {
    code: 'SIZE_MISMATCH',
  });
});

test('copy() does not take what is only said to be a referrer', async (t) => {
  const double = await startDouble(t);
  const source = clientOf(t, double).repository(app, 'pull');
  for (const { bytes } of [amd64.config, ...amd64.layers]) double.addBlob(bytes);
  double.addManifest(app, amd64.manifest.bytes, mediaTypes.ociManifest, tag);
  // arm64 names no subject, and the other one is gone.
  const claimed = [arm64.manifest.descriptor, contentOf('gone', mediaTypes.ociManifest).descriptor];
  double.addManifest(app, arm64.manifest.bytes, mediaTypes.ociManifest);
  double.misbehave(
    onRoute('referrers', ({ response }) => {
      response.writeHead(200, { 'content-type': mediaTypes.ociIndex });
      response.end(JSON.stringify({ schemaVersion: 2, manifests: claimed }));
      return true;
    }),
  );
  const { target } = await storePlace(t);
  await copy({ source, target, reference: tag, tags: [tag] });
  t.is(await target.getManifest(arm64.manifest.descriptor.digest), undefined);
});

test('copy() refuses indexes in indexes in indexes', async (t) => {
  const double = await startDouble(t);
  let { descriptor } = amd64.manifest;
  for (let depth = 0; depth < 6; depth += 1) {
    const bytes = encodeManifest({
      kind: 'index',
      mediaType: mediaTypes.ociIndex,
      artifactType: undefined,
      manifests: [descriptor],
      subject: undefined,
      annotations: {},
    });
    descriptor = double.addManifest(app, bytes, mediaTypes.ociIndex, tag);
  }
  double.addManifest(app, amd64.manifest.bytes, mediaTypes.ociManifest);
  const { target } = await storePlace(t);
  await t.throwsAsync(copy({ source: clientOf(t, double).repository(app, 'pull'), target, reference: tag }), {
    code: 'IMAGE_INVALID',
  });
});
