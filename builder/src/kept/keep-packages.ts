import { createReadStream } from 'node:fs';
import type { BlobRequest, ContentTarget, OpenBlob } from '@img/registry/transfer/content';
import { emptyConfig } from '@img/sign/bundle';
import { annotations } from '@img/spec/annotations';
import { type Digest, digestHex, digestOf } from '@img/spec/digest';
import { encodeManifest } from '@img/spec/manifest';
import { mediaTypes } from '@img/spec/media-types';
import type { ProgressListener } from '@img/spec/progress';
import { parseTag } from '@img/spec/tag';
import { mediaTypeOf } from '../image/encode-image.ts';
import type { ImageLayer } from '../image/layer-files.ts';
import type { PackageSource } from '../image/os-layers.ts';
import type { PackageLayer } from '../layers/package-layers.ts';
import { mapParallel } from '../map-parallel.ts';
import { packageMediaType } from './kept-packages.ts';
import { once } from './once.ts';
import { packRecords, recordsMediaType } from './package-records.ts';

/**
 * What is kept of the packages of one platform: its records first, next the layers of the packages, as an image has
 * them, and then the packages themselves.
 */
const keptArtifactType = 'application/vnd.img.packages.v1';

export type KeepPackagesOptions = {
  readonly source: PackageSource;
  /** The repository of the image. */
  readonly target: ContentTarget;
  readonly onProgress?: ProgressListener | undefined;
  readonly signal?: AbortSignal | undefined;
};

type Part = { readonly request: BlobRequest; readonly what: string; readonly open: OpenBlob };

const concurrency = 4;

/**
 * Stores packages and what was made of them beside an image, under a tag of their own, because mirrors delete what is
 * not the newest. The same packages always give the same digest.
 *
 * @param layers the packages
 * @param files the layers that an image has of them
 * @returns the digest for the lock
 */
export async function keepPackages(
  layers: readonly PackageLayer[],
  files: readonly ImageLayer[],
  { source, target, onProgress, signal }: KeepPackagesOptions,
): Promise<Digest> {
  const options = signal === undefined ? {} : { signal };
  const parts = [
    await recordsPart(layers, files),
    ...files.map(layerPart),
    ...(await packageParts(layers, source)),
  ];
  const config: Part = { request: emptyConfig, what: 'config', open: opened(emptyConfig.bytes) };
  const all = [config, ...parts];
  const present = await target.presentBlobs(
    all.map(({ request }) => request),
    options,
  );
  await mapParallel(all, concurrency, async ({ request, what, open }) => {
    const { digest, size } = request.descriptor;
    if (present.has(digest)) {
      onProgress?.({ kind: 'skip', item: digest, what, reason: 'is there already' });
      return;
    }
    onProgress?.({ kind: 'start', item: digest, what, totalBytes: size });
    await target.putBlob(request, open, options);
    onProgress?.({ kind: 'done', item: digest });
  });
  const bytes = encodeManifest({
    kind: 'manifest',
    mediaType: mediaTypes.ociManifest,
    artifactType: keptArtifactType,
    config: emptyConfig.descriptor,
    layers: parts.map(({ request }) => request.descriptor),
    subject: undefined,
    annotations: {},
  });
  const digest = digestOf(bytes);
  const descriptor = { mediaType: mediaTypes.ociManifest, digest, size: bytes.byteLength };
  // Registries collect what has no tag.
  const tag = parseTag(`img-packages-${digestHex(digest)}`);
  await target.putManifest({ descriptor, bytes }, { ...options, tag });
  return digest;
}

async function recordsPart(layers: readonly PackageLayer[], files: readonly ImageLayer[]): Promise<Part> {
  const bytes = await packRecords(layers, files);
  const descriptor = { mediaType: recordsMediaType, digest: digestOf(bytes), size: bytes.byteLength };
  return { request: { descriptor }, what: 'keep records of packages', open: opened(bytes) };
}

function layerPart({ path, digest, sizeBytes, diffId, compression, what }: ImageLayer): Part {
  const descriptor = { mediaType: mediaTypeOf(compression), digest, size: sizeBytes };
  return { request: { descriptor, diffId }, what: `keep ${what}`, open: openedFile(path) };
}

async function packageParts(
  layers: readonly PackageLayer[],
  source: PackageSource,
): Promise<readonly Part[]> {
  const packages = layers.map((layer) => layer.package);
  const paths = await source.fetch(packages);
  return packages.map(({ name, version, architecture, digest, size }) => {
    const title = `${name}_${version}_${architecture}.deb`;
    const descriptor = {
      mediaType: packageMediaType,
      digest,
      size,
      annotations: { [annotations.title]: title },
    };
    return { request: { descriptor }, what: `keep ${title}`, open: openedFile(paths.get(digest) ?? '') };
  });
}

function opened(bytes: Uint8Array): OpenBlob {
  return (offset) => once(bytes.subarray(offset));
}

function openedFile(path: string): OpenBlob {
  return (start, options) => createReadStream(path, { start, ...options }) as AsyncIterable<Uint8Array>;
}
