import { signatureLayers, signatureTag } from '@img/sign/signature-manifest';
import { temporaryFolder } from '@img/sign/testing/temporary-folder';
import { parseImageManifest, parseManifest } from '@img/spec/manifest';
import { parseRegistryHost } from '@img/spec/registry-host';
import test, { type ExecutionContext } from 'ava';
import { ImageStore } from '../images/image-store.ts';
import { index, signatures } from '../testing/attached-image.ts';
import { contentOf, emptyConfig, opened, type TestContent, testReferrer } from '../testing/content.ts';
import { registryPlace } from '../testing/places.ts';
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
    'a registry that does not compare',
    async (t) => {
      const double = await startDouble(t);
      return () => clientOf(t, double).repository(app, 'push');
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

test('putManifest() keeps all referrers that clients note at the same moment under the fallback tag', async (t) => {
  const double = await startDouble(t);
  double.hasReferrersApi = false;
  const repositories = names.map(() => clientOf(t, double).repository(app, 'push'));
  const referrers = names.map((name) => testReferrer(index.descriptor, contentOf(name)));
  await Promise.all(
    repositories.map((repository, at) => repository.putManifest(referrers[at] as TestContent)),
  );
  const source: ContentSource | undefined = repositories[0];
  const listed = await source?.listReferrers(index.descriptor.digest);
  t.deepEqual(
    listed?.map(({ digest }) => digest).toSorted(),
    referrers.map(({ descriptor }) => descriptor.digest).toSorted(),
  );
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

async function sign(target: ContentTarget, name: string): Promise<void> {
  const { manifest, payloads } = signatures(name);
  for (const { descriptor, bytes } of [...payloads, emptyConfig]) {
    await target.putBlob({ descriptor }, opened(bytes));
  }
  const parsed = parseManifest(manifest.bytes, manifest.descriptor.mediaType);
  await putSignatures(target, { content: manifest, manifest: parsed, blobs: [], tag }, {});
}
