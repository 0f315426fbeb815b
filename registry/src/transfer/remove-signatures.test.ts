import type { Evidence } from '@img/sign/evidence';
import { signatureTag } from '@img/sign/signature-manifest';
import { parseManifest } from '@img/spec/manifest';
import test from 'ava';
import { fill, index, indexBundle, signatures } from '../testing/attached-image.ts';
import { emptyConfig, opened } from '../testing/content.ts';
import { registryPlace, storePlace } from '../testing/places.ts';
import { app, clientOf, startDouble } from '../testing/start-double.ts';
import { collectEvidence } from './collect-evidence.ts';
import type { ContentSource, ContentTarget, ReferrerRemover } from './content.ts';
import { putSignatures } from './put-signatures.ts';
import { removeSignatures } from './remove-signatures.ts';

type SignedPlace = ContentSource & ContentTarget & ReferrerRemover;

const { digest } = index.descriptor;
const tag = signatureTag(digest);
const by = (name: string) => (piece: Evidence) =>
  piece.simpleSignatures.some(({ payload }) => Buffer.from(payload).toString() === `payload by ${name}`);
const isBundle = (piece: Evidence) => piece.bundles.length > 0;

const places: readonly [name: string, open: (t: Parameters<typeof storePlace>[0]) => Promise<SignedPlace>][] =
  [
    ['an image store', async (t) => (await storePlace(t)).target as SignedPlace],
    ['a registry', async (t) => (await registryPlace(t, 'delete')).target as SignedPlace],
    [
      'a registry without referrers API',
      async (t) => {
        const double = await startDouble(t);
        double.hasReferrersApi = false;
        return clientOf(t, double).repository(app, 'delete');
      },
    ],
  ];

async function add(place: ContentTarget, name: string): Promise<void> {
  const { manifest: content, payloads } = signatures(name);
  for (const { descriptor, bytes } of [...payloads, emptyConfig]) {
    await place.putBlob({ descriptor }, opened(bytes));
  }
  const manifest = parseManifest(content.bytes, content.descriptor.mediaType);
  await putSignatures(place, { content, manifest, blobs: [], tag }, {});
}

for (const [name, open] of places) {
  test(`removeSignatures() takes one signer's signature out of ${name} and leaves the others`, async (t) => {
    const place = await open(t);
    await fill(place);
    await add(place, 'bob');
    t.is(await removeSignatures(place, digest, by('alice'), {}), 1);
    const { simpleSignatures, bundles } = await collectEvidence(place, digest);
    t.is(bundles.length, 1);
    t.deepEqual(
      simpleSignatures.map(({ payload }) => Buffer.from(payload).toString()),
      ['payload by bob'],
    );
    t.is(await removeSignatures(place, digest, by('alice'), {}), 0, 'nothing is left to remove');
    t.is(await removeSignatures(place, digest, by('bob'), {}), 1);
    t.deepEqual((await collectEvidence(place, digest)).simpleSignatures, []);
    await add(place, 'carol');
    t.is((await collectEvidence(place, digest)).simpleSignatures.length, 1, 'signed anew');
  });

  test(`removeSignatures() takes a bundle out of ${name} and its lists`, async (t) => {
    const place = await open(t);
    await fill(place);
    t.is(await removeSignatures(place, digest, isBundle, {}), 1);
    t.deepEqual(await place.listReferrers(digest), []);
    t.is(await place.getManifest(indexBundle.descriptor.digest), undefined);
    t.is((await collectEvidence(place, digest)).simpleSignatures.length, 1);
  });
}
