import { join } from 'node:path';
import { signatureTag } from '@img/sign/signature-manifest';
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
  amd64,
  arm64,
  bundle,
  childSbom,
  fill,
  index,
  indexBundle,
  sbomBundle,
  signatures,
  tag,
} from '../testing/attached-image.ts';
import { contentOf, emptyConfig, opened, type TestContent } from '../testing/content.ts';
import { answering, onRoute } from '../testing/misbehaviours.ts';
import { places, storePlace } from '../testing/places.ts';
import { refuse } from '../testing/registry-double.ts';
import { app, clientOf, startDouble } from '../testing/start-double.ts';
import { collectEvidence } from './collect-evidence.ts';
import type { ContentTarget } from './content.ts';
import { copy } from './copy.ts';
import { namedBlobs } from './named-blobs.ts';

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

test('copy() asks for no blob that is known, and for all of them if the target refuses the image', async (t) => {
  const { target: filled, source } = await storePlace(t);
  await fill(filled);
  const double = await startDouble(t);
  const target = clientOf(t, double).repository(app, 'push');
  const known = await namedBlobs(await source(), index.descriptor.digest);
  t.deepEqual(
    [...known].toSorted(),
    [amd64, arm64]
      .flatMap(({ config, layers }) => [config, ...layers].map(({ descriptor }) => descriptor.digest))
      .filter((digest, position, all) => all.indexOf(digest) === position)
      .toSorted(),
  );
  const options = { source: await source(), target, reference: tag, tags: [tag], attachments: false, known };
  double.misbehaveTimes(
    1,
    onRoute(
      'manifest',
      answering(async ({ request, response }) => {
        for await (const chunk of request) void chunk;
        refuse(response, 404, 'MANIFEST_BLOB_UNKNOWN');
      }),
      'PUT',
    ),
  );
  await copy(options);
  t.is(double.count(/^HEAD/), known.size);
  t.deepEqual([...double.blobs.keys()].toSorted(), [...known].toSorted());
  double.requests.length = 0;
  t.like(await copy(options), { copiedBlobs: 0, presentBlobs: known.size });
  t.is(double.count(/^HEAD/), 0);
});

test('copy() sends a small blob without asking where others are known, and asks for a large one', async (t) => {
  const { target: filled, source } = await storePlace(t);
  await fill(filled);
  const double = await startDouble(t);
  const target = clientOf(t, double).repository(app, 'push');
  const all = [amd64, arm64].flatMap(({ config, layers }) => [config, ...layers]);
  const [small, large] = [
    all.find(({ descriptor }) => descriptor.size <= 16 * 1024),
    all.find(({ descriptor }) => descriptor.size > 16 * 1024),
  ].map((blob) => blob?.descriptor.digest);
  t.truthy(small);
  t.truthy(large);
  await copy({ source: await source(), target, reference: tag, attachments: false });
  double.blobs.delete(small ?? '');
  double.blobs.delete(large ?? '');
  double.requests.length = 0;
  const known = new Set(
    all.map(({ descriptor }) => descriptor.digest).filter((digest) => ![small, large].includes(digest)),
  );
  const copied = await copy({ source: await source(), target, reference: tag, attachments: false, known });
  t.is(copied.copiedBlobs, 2);
  t.deepEqual(
    double.requests
      .filter((request) => request.startsWith('HEAD'))
      .map((request) => request.split('/').at(-1)),
    [large],
  );
});

const unasked: readonly (readonly [registry: string, status: number | undefined, moved: number])[] = [
  ['has it', undefined, 0],
  ['takes it over from elsewhere', 201, 1],
  ['refuses to take anything over', 405, 0],
];
for (const [registry, status, moved] of unasked) {
  test(`copy() needs no bytes of a small blob that it does not ask for where the registry ${registry}`, async (t) => {
    const [from, to] = [await startDouble(t), await startDouble(t)];
    for (const double of [from, to]) await fill(clientOf(t, double).repository(app, 'push'));
    const all = [amd64, arm64].flatMap(({ config, layers }) => [config, ...layers]);
    const isSmall = ({ descriptor }: TestContent) => descriptor.size <= 16 * 1024;
    const small = amd64.layers.find(isSmall)?.descriptor.digest ?? '';
    from.blobs.delete(small);
    to.misbehave(({ url, response }) => {
      if (status === undefined || !url.searchParams.has('mount')) return false;
      response.writeHead(status).end();
      return true;
    });
    const known = new Set(
      all.map(({ descriptor }) => descriptor.digest).filter((digest) => digest !== small),
    );
    const source = clientOf(t, from).repository(app, 'pull');
    const target = clientOf(t, to).repository(app, 'push');
    const copied = await copy({ source, target, reference: tag, attachments: false, known });
    t.is(copied.copiedBlobs, moved);
    t.true(to.blobs.has(small));
  });
}

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
