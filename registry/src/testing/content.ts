import { collect } from '@img/spec/collect';
import type { Descriptor } from '@img/spec/descriptor';
import { digestOf } from '@img/spec/digest';
import { encodeManifest } from '@img/spec/manifest';
import { mediaTypes } from '@img/spec/media-types';
import type { OpenBlob } from '../transfer/content.ts';

/** Bytes with the descriptor that names them. */
export type TestContent = { readonly descriptor: Descriptor; readonly bytes: Uint8Array };

export function contentOf(
  bytes: Uint8Array | string,
  mediaType: string = mediaTypes.octetStream,
): TestContent {
  const content = typeof bytes === 'string' ? new TextEncoder().encode(bytes) : bytes;
  return { descriptor: { mediaType, digest: digestOf(content), size: content.byteLength }, bytes: content };
}

/** An image of uncompressed layers: its blobs, and its manifest. */
export type TestImage = {
  readonly manifest: TestContent;
  readonly config: TestContent;
  readonly layers: readonly TestContent[];
};

export function testImage(layers: readonly (Uint8Array | string)[], architecture = 'amd64'): TestImage {
  const contents = layers.map((layer) => contentOf(layer, mediaTypes.ociLayer));
  const config = contentOf(
    JSON.stringify({
      architecture,
      os: 'linux',
      rootfs: { type: 'layers', diff_ids: contents.map(({ descriptor }) => descriptor.digest) },
    }),
    mediaTypes.ociConfig,
  );
  return { manifest: manifestOf(config, contents), config, layers: contents };
}

export function testIndex(
  images: readonly { readonly image: TestImage; readonly architecture: string }[],
): TestContent {
  const manifests = images.map(({ image, architecture }) => {
    return { ...image.manifest.descriptor, platform: { os: 'linux', architecture } };
  });
  const bytes = encodeManifest({
    kind: 'index',
    mediaType: mediaTypes.ociIndex,
    artifactType: undefined,
    manifests,
    subject: undefined,
    annotations: {},
  });
  return contentOf(bytes, mediaTypes.ociIndex);
}

export const emptyConfig = contentOf('{}', mediaTypes.ociEmpty);

/** An artifact attached to a subject: one blob, and the manifest. */
export function testReferrer(
  subject: Descriptor,
  blob: TestContent,
  artifactType: string = blob.descriptor.mediaType,
): TestContent {
  const { mediaType, digest, size } = subject;
  const bytes = encodeManifest({
    kind: 'manifest',
    mediaType: mediaTypes.ociManifest,
    artifactType,
    config: emptyConfig.descriptor,
    layers: [blob.descriptor],
    subject: { mediaType, digest, size },
    annotations: { 'com.example.note': 'attached' },
  });
  return contentOf(bytes, mediaTypes.ociManifest);
}

function manifestOf(config: TestContent, layers: readonly TestContent[]): TestContent {
  const bytes = encodeManifest({
    kind: 'manifest',
    mediaType: mediaTypes.ociManifest,
    artifactType: undefined,
    config: config.descriptor,
    layers: layers.map(({ descriptor }) => descriptor),
    subject: undefined,
    annotations: {},
  });
  return contentOf(bytes, mediaTypes.ociManifest);
}

/** Opens bytes as a source opens a blob, in chunks. */
export function opened(bytes: Uint8Array, chunkBytes = 64 * 1024): OpenBlob {
  return async function* (offset) {
    for (let at = offset; at < bytes.byteLength; at += chunkBytes) yield bytes.subarray(at, at + chunkBytes);
  };
}

export async function readAll(source: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  return await collect(source, 1024 ** 3, 'content');
}
