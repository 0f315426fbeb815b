import type { ContentTarget, ManifestContent } from '@img/registry/transfer/content';
import type { PrivateKey } from '@img/sign/private-key';
import { signImages } from '@img/sign/sign-image';
import type { Claim } from '@img/sign/statement';
import type { Descriptor } from '@img/spec/descriptor';
import { type Digest, digestOf } from '@img/spec/digest';
import { encodeImageConfig, type ImageConfig } from '@img/spec/image-config';
import { encodeManifest } from '@img/spec/manifest';
import { mediaTypes } from '@img/spec/media-types';
import type { Platform } from '@img/spec/platform';
import type { Tag } from '@img/spec/tag';

/** The uncompressed archive of a layer, or a blob that need not be what it says. */
export type TestLayer =
  | Uint8Array
  | { readonly mediaType: string; readonly bytes: Uint8Array; readonly diffId: Digest };

/** Puts an image into a repository and points the tag at it. */
export async function putTestImage(
  repository: ContentTarget,
  config: ImageConfig,
  { tag, layers = [] }: { readonly tag?: Tag; readonly layers?: readonly TestLayer[] } = {},
): Promise<ManifestContent> {
  const known = layers.map((layer) => {
    if (!(layer instanceof Uint8Array)) return layer;
    return { mediaType: mediaTypes.ociLayer, bytes: layer, diffId: digestOf(layer) };
  });
  const configBytes = encodeImageConfig({ ...config, diffIds: known.map(({ diffId }) => diffId) });
  const blobs = [
    blob(mediaTypes.ociConfig, configBytes),
    ...known.map(({ mediaType, bytes }) => blob(mediaType, bytes)),
  ] as const;
  for (const found of blobs) await putBlob(repository, found);
  const content = blob(
    mediaTypes.ociManifest,
    encodeManifest({
      kind: 'manifest',
      mediaType: mediaTypes.ociManifest,
      artifactType: undefined,
      config: blobs[0].descriptor,
      layers: blobs.slice(1).map(({ descriptor }) => descriptor),
      subject: undefined,
      annotations: {},
    }),
  );
  await repository.putManifest(content, tag === undefined ? {} : { tag });
  return content;
}

/** Puts an index of images into a repository. */
export async function putTestIndex(
  repository: ContentTarget,
  images: readonly (readonly [Platform, ManifestContent])[],
  tag: Tag,
): Promise<ManifestContent> {
  const bytes = encodeManifest({
    kind: 'index',
    mediaType: mediaTypes.ociIndex,
    artifactType: undefined,
    manifests: images.map(([platform, { descriptor }]) => ({ ...descriptor, platform })),
    subject: undefined,
    annotations: {},
  });
  const content = blob(mediaTypes.ociIndex, bytes);
  await repository.putManifest(content, { tag });
  return content;
}

/** Signs an image in both encodings. */
export async function signTestImage(
  repository: ContentTarget,
  key: PrivateKey,
  claim: Claim,
  { descriptor }: ManifestContent,
): Promise<void> {
  const { blobs, manifests } = await signImages(key, claim, [{ descriptor, existingSignatures: undefined }]);
  for (const found of blobs) await putBlob(repository, found);
  for (const { tag, ...content } of manifests)
    await repository.putManifest(content, tag === undefined ? {} : { tag });
}

async function putBlob(repository: ContentTarget, { descriptor, bytes }: ManifestContent): Promise<void> {
  await repository.putBlob({ descriptor }, async function* (offset) {
    yield bytes.subarray(offset);
  });
}

function blob(
  mediaType: string,
  bytes: Uint8Array,
): { readonly descriptor: Descriptor; readonly bytes: Uint8Array } {
  return { descriptor: { mediaType, digest: digestOf(bytes), size: bytes.byteLength }, bytes };
}
