import { signatureLayers, signatureTag } from '@img/sign/signature-manifest';
import { temporaryFolder } from '@img/sign/testing/temporary-folder';
import { encodeManifest, parseImageManifest, parseManifest } from '@img/spec/manifest';
import { mediaTypes } from '@img/spec/media-types';
import { parseRegistryHost } from '@img/spec/registry-host';
import { referrersTag } from '@img/spec/routes';
import type { Tag } from '@img/spec/tag';
import test, { type ExecutionContext } from 'ava';
import { ImageStore } from '../images/image-store.ts';
import { index, signatures } from '../testing/attached-image.ts';
import { contentOf, emptyConfig, opened, type TestContent, testReferrer } from '../testing/content.ts';
import { registryPlace } from '../testing/places.ts';
import type { RegistryDouble } from '../testing/registry-double.ts';
import { app, clientOf, startDouble } from '../testing/start-double.ts';
import type { ContentSource, ContentTarget } from './content.ts';
import { putSignatures } from './put-signatures.ts';

const names = ['alice', 'bob', 'carol', 'dave', 'erin', 'frank', 'grace', 'heidi'];
const tag = signatureTag(index.descriptor.digest);

/** One place, as several that know nothing of each other see it. */
type Shared = (t: ExecutionContext) => Promise<() => ContentTarget>;

const shared: readonly [name: string, open: Shared][] = [
  [
    'a registry that compares',
    async (t) => {
      const { target } = await registryPlace(t);
      return () => target;
    },
  ],
  [
    'an image store',
    async (t) => {
      const root = temporaryFolder(t);
      return () => {
        const store = new ImageStore(root);
        t.teardown(() => store.close());
        return store.repository({ registry: parseRegistryHost('reg.example'), repository: app });
      };
    },
  ],
];

for (const [where, open] of shared) {
  test(`putSignatures() in ${where} keeps the signatures of all who sign at the same moment`, async (t) => {
    const place = await open(t);
    await Promise.all(names.map((name) => sign(place(), name)));
    const found = await place().getManifest(tag);
    const layers = signatureLayers(parseImageManifest(found?.bytes ?? new Uint8Array()));
    t.deepEqual(
      layers.map(({ signature }) => Buffer.from(signature, 'base64').toString()).toSorted(),
      names.toSorted(),
    );
  });
}

test('putSignatures() in a registry that does not compare adds again whenever somebody overwrites it', async (t) => {
  const double = await startDouble(t);
  const target = clientOf(t, double).repository(app, 'push');
  const overwritten = overwriteAfterPuts(double, tag, [
    signatures('bob').manifest,
    signatures('bob', 'carol').manifest,
  ]);
  await sign(target, 'alice');
  const found = await target.getManifest(tag);
  const layers = signatureLayers(parseImageManifest(found?.bytes ?? new Uint8Array()));
  t.deepEqual(
    layers.map(({ signature }) => Buffer.from(signature, 'base64').toString()),
    ['bob', 'carol', 'alice'],
  );
  t.is(overwritten(), 2);
});

test('putManifest() notes a referrer under the fallback tag again whenever somebody overwrites it', async (t) => {
  const double = await startDouble(t);
  double.hasReferrersApi = false;
  const repository = clientOf(t, double).repository(app, 'push');
  const [alice, bob, carol] = ['alice', 'bob', 'carol'].map((name) =>
    testReferrer(index.descriptor, contentOf(name)),
  ) as [TestContent, TestContent, TestContent];
  const overwritten = overwriteAfterPuts(double, referrersTag(index.descriptor.digest), [
    listOf(bob),
    listOf(bob, carol),
  ]);
  await repository.putManifest(alice);
  const source: ContentSource = repository;
  const listed = await source.listReferrers(index.descriptor.digest);
  t.deepEqual(
    listed.map(({ digest }) => digest),
    [bob, carol, alice].map(({ descriptor }) => descriptor.digest),
  );
  t.is(overwritten(), 2);
});

test('putSignatures() gives up with an error if the place is changed again and again', async (t) => {
  const root = temporaryFolder(t);
  const store = new ImageStore(root);
  t.teardown(() => store.close());
  const target = store.repository({ registry: parseRegistryHost('reg.example'), repository: app });
  let rounds = 0;
  const disturbed: ContentTarget = {
    name: target.name,
    presentBlobs: (requests) => target.presentBlobs(requests),
    putBlob: (request, from) => target.putBlob(request, from),
    getManifest: (reference) => target.getManifest(reference),
    async putManifest(content, options) {
      rounds += 1;
      await sign(target, `somebody ${rounds}`);
      await target.putManifest(content, options);
    },
  };
  await t.throwsAsync(sign(disturbed, 'alice'), { code: 'REQUEST_REFUSED', message: /keep changing them/ });
  const kept = await target.getManifest(tag);
  t.is(parseImageManifest(kept?.bytes ?? new Uint8Array()).layers.length, rounds, 'all the others are there');
});

/** What stands under the fallback tag when clients have noted these referrers. */
function listOf(...referrers: readonly TestContent[]): TestContent {
  const bytes = encodeManifest({
    kind: 'index',
    mediaType: mediaTypes.ociIndex,
    artifactType: undefined,
    manifests: referrers.map(({ descriptor }) => descriptor),
    subject: undefined,
    annotations: {},
  });
  return contentOf(bytes, mediaTypes.ociIndex);
}

/**
 * After each time that a client has put something under a tag, somebody who had read the tag before overwrites it
 * with the next of these, just before the client looks at it again.
 *
 * @returns tells how often that was
 */
function overwriteAfterPuts(
  double: RegistryDouble,
  overwritten: Tag,
  others: readonly TestContent[],
): () => number {
  let puts = 0;
  let count = 0;
  double.misbehave(({ route, request }) => {
    if (route?.id !== 'manifest' || route.parameter !== overwritten) return false;
    if (request.method === 'PUT') puts += 1;
    const other = others[count];
    if (request.method !== 'PUT' && puts > count && other !== undefined) {
      double.addManifest(app, other.bytes, other.descriptor.mediaType, overwritten);
      count += 1;
    }
    return false;
  });
  return () => count;
}

async function sign(target: ContentTarget, name: string): Promise<void> {
  const { manifest, payloads } = signatures(name);
  for (const { descriptor, bytes } of [...payloads, emptyConfig]) {
    await target.putBlob({ descriptor }, opened(bytes));
  }
  const parsed = parseManifest(manifest.bytes, manifest.descriptor.mediaType);
  await putSignatures(target, { content: manifest, manifest: parsed, blobs: [], tag }, {});
}
