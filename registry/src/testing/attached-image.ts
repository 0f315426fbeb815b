import { randomBytes } from 'node:crypto';
import { bundleMediaType } from '@img/sign/bundle';
import { signatureLayer, signatureTag, simpleSigningMediaType } from '@img/sign/signature-manifest';
import { encodeManifest } from '@img/spec/manifest';
import { mediaTypes } from '@img/spec/media-types';
import { parseTag } from '@img/spec/tag';
import type { ContentTarget } from '../transfer/content.ts';
import {
  contentOf,
  emptyConfig,
  opened,
  type TestContent,
  testImage,
  testIndex,
  testReferrer,
} from './content.ts';

/*
 * An image for two platforms with everything that can be attached to one: a bundle at the index, an SBOM at a child,
 * a bundle at the SBOM, and a simple signature.
 */

export const tag = parseTag('1.0');
export const amd64 = testImage([randomBytes(200_000), 'shared layer']);
export const arm64 = testImage([randomBytes(100_000), 'shared layer'], 'arm64');
export const index = testIndex([
  { image: amd64, architecture: 'amd64' },
  { image: arm64, architecture: 'arm64' },
]);
export const bundle = contentOf('{"bundle":1}', bundleMediaType);
export const sbom = contentOf('{"sbom":1}', 'application/spdx+json');
export const indexBundle = testReferrer(index.descriptor, bundle);
export const childSbom = testReferrer(amd64.manifest.descriptor, sbom);
export const sbomBundle = testReferrer(childSbom.descriptor, contentOf('{"bundle":2}', bundleMediaType));

/** A manifest of signatures, as it stands under its tag. */
export function signatures(...names: readonly string[]): {
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

export const bySigner = signatures('alice');

/** Puts all of it somewhere, under its tag. */
export async function fill(target: ContentTarget): Promise<void> {
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
