import { randomBytes } from 'node:crypto';
import { digestOf } from '@img/spec/digest';
import { parseTag } from '@img/spec/tag';
import { verified } from '@img/spec/verified';
import test, { type ExecutionContext } from 'ava';
import {
  contentOf,
  opened,
  readAll,
  type TestContent,
  testImage,
  testIndex,
  testReferrer,
} from '../testing/content.ts';
import { type Place, places } from '../testing/places.ts';
import type { ContentTarget } from './content.ts';

/*
 * The contract of ContentSource and ContentTarget, over every implementation.
 */

const tag = parseTag('1.0');
const large = contentOf(randomBytes(9_000_000));
const small = contentOf('a small blob');

for (const { name, comparesTags, open } of places) {
  const on = (title: string, run: (t: ExecutionContext, place: Place) => Promise<void>) => {
    test(`${name}: ${title}`, async (t) => run(t, await open(t)));
  };

  for (const [what, content] of [
    ['a small', small],
    ['a large', large],
    ['an empty', contentOf('')],
    ['a sha512', sha512Of(small)],
    ['a large sha512', sha512Of(large)],
  ] as const) {
    on(`${what} blob comes back as it was put`, async (t, { target, source }) => {
      await target.putBlob({ descriptor: content.descriptor }, opened(content.bytes));
      const found = (await source()).getBlob(content.descriptor);
      t.true(Buffer.from(await readAll(verified(found, content.descriptor))).equals(content.bytes));
    });
  }

  on('a blob is read from an offset on', async (t, { target, source }) => {
    for (const content of [small, large]) await put(target, content);
    const from = await source();
    for (const { descriptor, bytes } of [small, large]) {
      for (const offset of [1, bytes.byteLength - 1, bytes.byteLength]) {
        const found = Buffer.from(await readAll(from.getBlob(descriptor, { offset })));
        t.true(found.equals(bytes.subarray(offset)), `from ${offset}`);
      }
    }
  });

  on('presentBlobs() tells what is there', async (t, { target }) => {
    await put(target, small);
    const asked = [small, large].map(({ descriptor }) => ({ descriptor }));
    t.deepEqual([...(await target.presentBlobs(asked))], [small.descriptor.digest]);
    t.deepEqual([...(await target.presentBlobs([]))], []);
  });

  on('a blob may be put again, and twice at a time', async (t, { target }) => {
    await put(target, small);
    await put(target, small);
    await Promise.all([put(target, large), put(target, large)]);
    const asked = [small, large].map(({ descriptor }) => ({ descriptor }));
    t.is((await target.presentBlobs(asked)).size, 2);
  });

  for (const [why, bytes] of [
    ['another digest', Buffer.from(small.bytes).fill(0, 1, 2)],
    ['too few bytes', small.bytes.subarray(1)],
    ['no bytes', new Uint8Array()],
    ['too many bytes', Buffer.concat([small.bytes, small.bytes])],
  ] as const) {
    on(`a blob with ${why} is refused and not there`, async (t, { target }) => {
      await t.throwsAsync(target.putBlob({ descriptor: small.descriptor }, opened(bytes)), {
        message: /sha256/,
      });
      t.is((await target.presentBlobs([{ descriptor: small.descriptor }])).size, 0);
    });
  }

  on('an error of the content comes out as it is, and nothing is there', async (t, { target }) => {
    const lost = new Error('source is gone');
    const putting = target.putBlob({ descriptor: large.descriptor }, async function* () {
      yield large.bytes.subarray(0, 5_000_000);
      throw lost;
    });
    t.is(await t.throwsAsync(putting), lost);
    t.is((await target.presentBlobs([{ descriptor: large.descriptor }])).size, 0);
  });

  on('a blob that failed can be put afterwards', async (t, { target, source }) => {
    await t.throwsAsync(
      target.putBlob({ descriptor: large.descriptor }, opened(large.bytes.subarray(0, 8_000_000))),
    );
    await put(target, large);
    t.is(
      (await readAll(verified((await source()).getBlob(large.descriptor), large.descriptor))).byteLength,
      9_000_000,
    );
  });

  on('a blob that is not there is an error', async (t, { source }) => {
    const from = await source();
    for (const { descriptor } of [small, large]) {
      await t.throwsAsync(readAll(from.getBlob(descriptor)), { code: 'CONTENT_MISSING' });
    }
  });

  on('a manifest is found by tag and by digest, byte for byte', async (t, { target, source }) => {
    const image = testImage(['layer']);
    for (const content of [image.config, ...image.layers]) await put(target, content);
    await target.putManifest(image.manifest, { tag });
    const from = await source();
    for (const reference of [tag, image.manifest.descriptor.digest]) {
      const found = await from.getManifest(reference);
      t.deepEqual(found?.descriptor, image.manifest.descriptor);
      t.true(Buffer.from(found?.bytes ?? []).equals(image.manifest.bytes));
    }
    t.deepEqual((await target.getManifest(tag))?.descriptor, image.manifest.descriptor);
  });

  on('a manifest kept without a tag is found by its digest', async (t, { target, source }) => {
    const image = testImage(['layer']);
    for (const content of [image.config, ...image.layers]) await put(target, content);
    await target.putManifest(image.manifest, { isRoot: true });
    const found = await (await source()).getManifest(image.manifest.descriptor.digest);
    t.deepEqual(found?.descriptor, image.manifest.descriptor);
  });

  on('a manifest that is not there is undefined', async (t, { target, source }) => {
    const { digest } = testImage(['absent']).manifest.descriptor;
    const from = await source();
    for (const reference of [tag, digest]) {
      t.is(await from.getManifest(reference), undefined);
      t.is(await target.getManifest(reference), undefined);
    }
  });

  on('a tag points at what it was given last, and the old manifest stays', async (t, { target, source }) => {
    const [first, second] = [testImage(['one']), testImage(['two'])];
    for (const image of [first, second]) {
      for (const content of [image.config, ...image.layers]) await put(target, content);
      await target.putManifest(image.manifest, { tag });
    }
    const from = await source();
    t.is((await from.getManifest(tag))?.descriptor.digest, second.manifest.descriptor.digest);
    const { digest } = first.manifest.descriptor;
    t.is((await from.getManifest(digest))?.descriptor.digest, digest);
  });

  on('a tag is replaced only if it means what the caller has read', async (t, { target }) => {
    const images = [testImage(['one']), testImage(['two']), testImage(['three'])] as const;
    for (const image of images) {
      for (const content of [image.config, ...image.layers]) await put(target, content);
    }
    const [first, second, third] = images.map(({ manifest }) => manifest) as [
      TestContent,
      TestContent,
      TestContent,
    ];
    await target.putManifest(first, { tag, replaces: null });
    await target.putManifest(second, { tag, replaces: first.descriptor.digest });
    t.is((await target.getManifest(tag))?.descriptor.digest, second.descriptor.digest);
    for (const replaces of [first.descriptor.digest, null]) {
      const putting = target.putManifest(third, { tag, replaces });
      // Most registries don't compare: there the last one wins, and is watched for a moment.
      if (comparesTags) await t.throwsAsync(putting, { code: 'TAG_MOVED' });
      else await t.notThrowsAsync(putting);
    }
  });

  on('an index is found with its children', async (t, { target, source }) => {
    const images = ['amd64', 'arm64'].map((architecture) => ({
      image: testImage([architecture], architecture),
      architecture,
    }));
    for (const { image } of images) {
      for (const content of [image.config, ...image.layers]) await put(target, content);
      await target.putManifest(image.manifest);
    }
    const index = testIndex(images);
    await target.putManifest(index, { tag });
    const from = await source();
    t.deepEqual((await from.getManifest(tag))?.descriptor, index.descriptor);
    for (const { image } of images) {
      const { digest } = image.manifest.descriptor;
      t.deepEqual((await from.getManifest(digest))?.descriptor, image.manifest.descriptor);
    }
  });

  on(
    'referrers are listed with type and annotations, and for their subject only',
    async (t, { target, source }) => {
      const image = testImage(['layer']);
      for (const content of [image.config, ...image.layers]) await put(target, content);
      await target.putManifest(image.manifest, { tag });
      const blob = contentOf('{"signed":true}', 'application/vnd.example.signature');
      const referrer = testReferrer(image.manifest.descriptor, blob);
      for (const content of [blob, contentOf('{}')]) await put(target, content);
      await target.putManifest(referrer);
      await target.putManifest(referrer);
      const from = await source();
      const found = await from.listReferrers(image.manifest.descriptor.digest);
      t.deepEqual(
        found.map(({ digest, size, artifactType, annotations }) => ({
          digest,
          size,
          artifactType,
          annotations,
        })),
        [
          {
            digest: referrer.descriptor.digest,
            size: referrer.descriptor.size,
            artifactType: 'application/vnd.example.signature',
            annotations: { 'com.example.note': 'attached' },
          },
        ],
      );
      t.deepEqual((await from.getManifest(referrer.descriptor.digest))?.descriptor, referrer.descriptor);
      t.deepEqual(await from.listReferrers(referrer.descriptor.digest), []);
    },
  );

  on('what is no manifest is not stored as one', async (t, { target }) => {
    const content = contentOf('{"schemaVersion":2}', 'application/vnd.oci.image.manifest.v1+json');
    await t.throwsAsync(target.putManifest(content, { tag }));
    t.is(await target.getManifest(tag), undefined);
  });

  on('an abort ends a put with its reason', async (t, { target }) => {
    const controller = new AbortController();
    const { signal } = controller;
    const putting = target.putBlob(
      { descriptor: large.descriptor },
      async function* () {
        yield large.bytes.subarray(0, 1_000_000);
        controller.abort(new Error('stopped'));
        signal.throwIfAborted();
      },
      { signal },
    );
    await t.throwsAsync(putting, { message: 'stopped' });
    t.is((await target.presentBlobs([{ descriptor: large.descriptor }])).size, 0);
  });
}

async function put(target: ContentTarget, { descriptor, bytes }: TestContent): Promise<void> {
  await target.putBlob({ descriptor }, opened(bytes));
}

function sha512Of({ descriptor, bytes }: TestContent): TestContent {
  return { descriptor: { ...descriptor, digest: digestOf(bytes, 'sha512') }, bytes };
}
