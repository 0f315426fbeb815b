import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { bundleMediaType } from '@img/sign/bundle';
import { signatureLayer, signatureTag, simpleSigningMediaType } from '@img/sign/signature-manifest';
import { temporaryFolder } from '@img/sign/testing/temporary-folder';
import type { Descriptor } from '@img/spec/descriptor';
import { digestOf } from '@img/spec/digest';
import { encodeManifest, parseImageManifest } from '@img/spec/manifest';
import { mediaTypes } from '@img/spec/media-types';
import { parsePlatform } from '@img/spec/platform';
import type { ProgressEvent } from '@img/spec/progress';
import { parseTag, type Tag } from '@img/spec/tag';
import test from 'ava';
import { LayoutTarget } from '../layout/layout-target.ts';
import { openLayout } from '../layout/open-layout.ts';
import {
  contentOf,
  emptyConfig,
  opened,
  type TestContent,
  testImage,
  testIndex,
  testReferrer,
} from '../testing/content.ts';
import { onRoute, truncatedBody, wrongDigest } from '../testing/misbehaviours.ts';
import { layoutPlace, places, storePlace } from '../testing/places.ts';
import { app, clientOf, startDouble } from '../testing/start-double.ts';
import { collectEvidence } from './collect-evidence.ts';
import type { ContentTarget } from './content.ts';
import { copy } from './copy.ts';

const tag = parseTag('1.0');
const amd64 = testImage([randomBytes(200_000), 'shared layer']);
const arm64 = testImage([randomBytes(100_000), 'shared layer'], 'arm64');
const index = testIndex([
  { image: amd64, architecture: 'amd64' },
  { image: arm64, architecture: 'arm64' },
]);
const bundle = contentOf('{"bundle":1}', bundleMediaType);
const sbom = contentOf('{"sbom":1}', 'application/spdx+json');
const indexBundle = testReferrer(index.descriptor, bundle);
const childSbom = testReferrer(amd64.manifest.descriptor, sbom);
const sbomBundle = testReferrer(childSbom.descriptor, contentOf('{"bundle":2}', bundleMediaType));

/** A manifest of signatures, as it stands under its tag. */
function signatures(...names: readonly string[]): {
  readonly manifest: TestContent;
  readonly payloads: TestContent[];
} {
  const payloads = names.map((name) => contentOf(`payload by ${name}`, simpleSigningMediaType));
  const layers = names.map((name, position) => {
    const { descriptor } = payloads[position] as TestContent;
    return signatureLayer({
      payload: descriptor,
      signature: Buffer.from(name).toString('base64'),
      keyHint: undefined,
    });
  });
  const bytes = encodeManifest({
    kind: 'manifest',
    mediaType: mediaTypes.ociManifest,
    artifactType: undefined,
    config: emptyConfig.descriptor,
    layers,
    subject: undefined,
    annotations: {},
  });
  return { manifest: contentOf(bytes, mediaTypes.ociManifest), payloads };
}

const bySigner = signatures('alice');

/** A multi-platform image with everything that can be attached to one. */
async function fill(target: ContentTarget): Promise<void> {
  const blobs = [amd64, arm64].flatMap(({ config, layers }) => [config, ...layers]);
  const attached = [
    bundle,
    sbom,
    contentOf('{"bundle":2}', bundleMediaType),
    emptyConfig,
    ...bySigner.payloads,
  ];
  for (const blob of [...blobs, ...attached]) {
    await target.putBlob({ descriptor: blob.descriptor }, opened(blob.bytes));
  }
  for (const { manifest } of [amd64, arm64]) await target.putManifest(manifest);
  await target.putManifest(index, { tag });
  for (const referrer of [indexBundle, childSbom, sbomBundle]) await target.putManifest(referrer);
  await target.putManifest(bySigner.manifest, { tag: signatureTag(index.descriptor.digest) });
}

const everything: readonly Descriptor[] = [
  amd64.manifest,
  arm64.manifest,
  index,
  indexBundle,
  childSbom,
  sbomBundle,
].map(({ descriptor }) => descriptor);

for (const from of places) {
  for (const to of places) {
    test(`copy() takes everything from ${from.name} to ${to.name}`, async (t) => {
      const [sourcePlace, targetPlace] = [await from.open(t), await to.open(t)];
      await fill(sourcePlace.target);
      const { target } = targetPlace;
      const result = await copy({ source: await sourcePlace.source(), target, reference: tag, tags: [tag] });
      t.is(result.descriptor.digest, index.descriptor.digest);
      const copied = await targetPlace.source();
      t.deepEqual((await copied.getManifest(tag))?.descriptor, index.descriptor);
      for (const { digest } of everything)
        t.is((await copied.getManifest(digest))?.descriptor.digest, digest);
      const evidence = await collectEvidence(copied, index.descriptor.digest);
      t.deepEqual(evidence.bundles.map(String), [String(bundle.bytes)]);
      t.deepEqual(
        evidence.simpleSignatures.map(({ signature }) => signature),
        [Buffer.from('alice').toString('base64')],
      );
      t.deepEqual(
        (await copied.listReferrers(childSbom.descriptor.digest)).map(({ digest }) => digest),
        [sbomBundle.descriptor.digest],
      );
    });
  }
}

test('copy() moves each blob once, and nothing the second time', async (t) => {
  const double = await startDouble(t);
  const source = clientOf(t, double).repository(app, 'push');
  await fill(source);
  double.requests.length = 0;
  const { target } = await storePlace(t);
  const first = await copy({ source, target, reference: tag, tags: [tag] });
  const shared = amd64.layers[1]?.descriptor.digest ?? '';
  t.is(double.count(new RegExp(`GET .*${shared}`)), 1);
  t.is(first.presentBlobs, 0);
  const second = await copy({ source, target, reference: tag, tags: [tag] });
  t.is(second.copiedBlobs, 0);
  t.is(second.presentBlobs, first.copiedBlobs);
  t.is(double.count(new RegExp(`GET .*${shared}`)), 1);
});

test('copy() reports every blob from start to end, or why it was not needed', async (t) => {
  const { target } = await storePlace(t);
  const { target: filled, source } = await storePlace(t);
  await fill(filled);
  const present = amd64.layers[1] as TestContent;
  await target.putBlob({ descriptor: present.descriptor }, opened(present.bytes));
  const events: ProgressEvent[] = [];
  const progress = (event: ProgressEvent) => void events.push(event);
  await copy({ source: await source(), target, reference: tag, tags: [tag], progress });
  const large = amd64.layers[0] as TestContent;
  const [start, ...others] = events.filter(
    (event) => 'item' in event && event.item === large.descriptor.digest,
  );
  t.like(start, { kind: 'start', totalBytes: 200_000 });
  t.regex(start?.kind === 'start' ? start.what : '', /^layer [0-9a-f]{12}$/);
  const moved = others.reduce((sum, event) => sum + (event.kind === 'advance' ? event.bytes : 0), 0);
  t.is(moved, 200_000);
  t.is(others.at(-1)?.kind, 'done');
  const skipped = events.filter((event) => event.kind === 'skip');
  t.deepEqual(
    skipped.map(({ item, reason }) => [item, reason]),
    [[present.descriptor.digest, 'already there']],
  );
});

test('copy() stores nothing before what it points at, and the tag last', async (t) => {
  const { target: filled, source } = await storePlace(t);
  await fill(filled);
  const { target } = await storePlace(t);
  const order: string[] = [];
  const recording: ContentTarget = {
    ...bound(target),
    async putManifest(content, options) {
      order.push(options?.tag ?? content.descriptor.digest);
      await target.putManifest(content, options);
    },
  };
  await copy({ source: await source(), target: recording, reference: tag, tags: [tag, parseTag('latest')] });
  t.deepEqual(order.slice(-2), ['1.0', 'latest']);
  const position = (descriptor: Descriptor) => order.indexOf(descriptor.digest);
  t.true(position(amd64.manifest.descriptor) >= 0);
  t.true(position(childSbom.descriptor) < position(sbomBundle.descriptor));
  t.true(order.indexOf(signatureTag(index.descriptor.digest)) < order.indexOf('1.0'));
});

test('copy() by digest keeps the image without a tag', async (t) => {
  const { target: filled, source } = await storePlace(t);
  await fill(filled);
  const { target } = await storePlace(t);
  const kept: (boolean | undefined)[] = [];
  const recording: ContentTarget = {
    ...bound(target),
    async putManifest(content, options) {
      if (content.descriptor.digest === index.descriptor.digest) kept.push(options?.isRoot);
      await target.putManifest(content, options);
    },
  };
  await copy({ source: await source(), target: recording, reference: index.descriptor.digest });
  t.deepEqual(kept, [true]);
});

test('copy() of one platform takes the index and that image', async (t) => {
  const { target: filled, source } = await storePlace(t);
  await fill(filled);
  const { target } = await storePlace(t);
  const platform = parsePlatform('linux/arm64');
  await copy({ source: await source(), target, reference: tag, tags: [tag], platform });
  t.is((await target.getManifest(tag))?.descriptor.digest, index.descriptor.digest);
  t.truthy(await target.getManifest(arm64.manifest.descriptor.digest));
  t.is(await target.getManifest(amd64.manifest.descriptor.digest), undefined);
  const present = await target.presentBlobs(
    [...amd64.layers, ...arm64.layers].map(({ descriptor }) => ({ descriptor })),
  );
  t.deepEqual([...present].toSorted(), arm64.layers.map(({ descriptor }) => descriptor.digest).toSorted());
  await t.throwsAsync(
    copy({ source: await source(), target, reference: tag, platform: parsePlatform('linux/s390x') }),
    {
      code: 'PLATFORM_UNKNOWN',
    },
  );
});

test('copy() leaves attachments behind where they are not wanted', async (t) => {
  const { target: filled, source } = await storePlace(t);
  await fill(filled);
  const { target, source: result } = await storePlace(t);
  await copy({ source: await source(), target, reference: tag, tags: [tag], attachments: false });
  t.deepEqual(await (await result()).listReferrers(index.descriptor.digest), []);
  t.is(await target.getManifest(signatureTag(index.descriptor.digest)), undefined);
});

test('copy() adds signatures to those that are there, whichever come first', async (t) => {
  const { target: filled, source } = await storePlace(t);
  await fill(filled);
  const double = await startDouble(t);
  const target = clientOf(t, double).repository(app, 'push');
  const others = signatures('bob', 'carol');
  const signaturesTag = signatureTag(index.descriptor.digest);
  for (const blob of [...others.payloads, emptyConfig]) {
    await target.putBlob({ descriptor: blob.descriptor }, opened(blob.bytes));
  }
  await target.putManifest(others.manifest, { tag: signaturesTag });
  for (const _ of ['once', 'twice'])
    await copy({ source: await source(), target, reference: tag, tags: [tag] });
  const evidence = await collectEvidence(target, index.descriptor.digest);
  t.deepEqual(
    evidence.simpleSignatures.map(({ signature }) => Buffer.from(signature, 'base64').toString()),
    ['bob', 'carol', 'alice'],
  );
  const merged = parseImageManifest((await target.getManifest(signaturesTag))?.bytes ?? new Uint8Array());
  t.true(double.blobs.has(merged.config.digest));
});

test('copy() adds signatures again that somebody overwrote at the same time', async (t) => {
  const { target: filled, source } = await storePlace(t);
  await fill(filled);
  const double = await startDouble(t);
  const target = clientOf(t, double).repository(app, 'push');
  const signaturesTag = signatureTag(index.descriptor.digest);
  const others = signatures('bob');
  for (const blob of [...others.payloads, emptyConfig]) double.addBlob(blob.bytes);
  double.misbehaveTimes(
    1,
    onRoute(
      'manifest',
      async ({ request, response, route }) => {
        if (route?.parameter !== signaturesTag) return false;
        for await (const chunk of request) void chunk;
        double.addManifest(app, others.manifest.bytes, mediaTypes.ociManifest, signaturesTag);
        response.writeHead(201).end();
        return true;
      },
      'PUT',
    ),
  );
  await copy({ source: await source(), target, reference: tag, tags: [tag] });
  t.is((await collectEvidence(target, index.descriptor.digest)).simpleSignatures.length, 2);
});

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

test('copy() leaves layers that must not be passed on where they are', async (t) => {
  const { target, source } = await storePlace(t);
  const foreign = { ...contentOf('windows').descriptor, mediaType: mediaTypes.dockerLayerForeignGzip };
  const image = parseImageManifest(amd64.manifest.bytes);
  const bytes = encodeManifest({ ...image, layers: [foreign, ...image.layers] });
  const manifest = contentOf(bytes, mediaTypes.ociManifest);
  for (const blob of [amd64.config, ...amd64.layers]) {
    await target.putBlob({ descriptor: blob.descriptor }, opened(blob.bytes));
  }
  await target.putManifest(manifest, { tag });
  const { target: other } = await storePlace(t);
  const result = await copy({ source: await source(), target: other, reference: tag, tags: [tag] });
  t.is(result.copiedBlobs, 3);
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

test('copy() says which layers are in the image, by diffID', async (t) => {
  const { target: filled, source } = await storePlace(t);
  await fill(filled);
  const { target } = await storePlace(t);
  const asked: string[] = [];
  const recording: ContentTarget = {
    ...bound(target),
    async putBlob(request, open, options) {
      if (request.diffId !== undefined) asked.push(request.diffId);
      await target.putBlob(request, open, options);
    },
  };
  await copy({ source: await source(), target: recording, reference: tag, attachments: false });
  const layers = [...amd64.layers, ...arm64.layers].map(({ bytes }) => digestOf(bytes));
  t.deepEqual(asked.toSorted(), [...new Set(layers)].toSorted());
});

test('copy() takes an image over within a registry without moving it', async (t) => {
  const double = await startDouble(t);
  const client = clientOf(t, double);
  await fill(client.repository(app, 'push'));
  double.requests.length = 0;
  await copy({
    source: client.repository(app, 'pull'),
    target: client.repository('com.example.other' as typeof app, 'push'),
    reference: tag,
    tags: [tag],
  });
  // The double has one name space of blobs, so only what is asked for by HEAD shows.
  t.is(double.count(/^(PUT|PATCH) .*uploads/), 0);
  t.true(double.manifests.has('com.example.other:1.0'));
});

test('what was copied into an archive is read from it by its name', async (t) => {
  const { target: filled, source } = await storePlace(t);
  await fill(filled);
  const folder = join(temporaryFolder(t), 'layout');
  const target = await LayoutTarget.open(folder);
  await copy({ source: await source(), target, reference: tag, tags: [tag, 'stable' as Tag] });
  await using layout = await openLayout(folder);
  const names = layout.images.map(({ name }) => name).filter((name) => name !== undefined);
  t.deepEqual(names.toSorted(), ['1.0', signatureTag(index.descriptor.digest), 'stable'].toSorted());
});

/** The methods of a target, so that some can be replaced. */
function bound(target: ContentTarget): ContentTarget {
  return {
    name: target.name,
    presentBlobs: (requests, options) => target.presentBlobs(requests, options),
    putBlob: (request, open, options) => target.putBlob(request, open, options),
    putManifest: (content, options) => target.putManifest(content, options),
    getManifest: (reference, options) => target.getManifest(reference, options),
  };
}
