import { dirname, join } from 'node:path';
import { makeFolder } from '@img/registry/storage/make-folder';
import { writeFileAtomic } from '@img/registry/storage/write-file-atomic';
import type { ContentOptions, ContentTarget } from '@img/registry/transfer/content';
import { emptyConfig } from '@img/sign/bundle';
import { type Descriptor, descriptorFrom } from '@img/spec/descriptor';
import { type Digest, digestHex, digestOf } from '@img/spec/digest';
import { type JsonValue, parseJson } from '@img/spec/json';
import { encodeManifest } from '@img/spec/manifest';
import { mediaTypes } from '@img/spec/media-types';
import type { BuiltImage } from '../build-image.ts';
import type { LayerCache } from '../layers/layer-cache.ts';
import { readIfThere } from '../read-if-there.ts';
import { once } from './once.ts';
import { readRecords, recordsDescriptor } from './package-records.ts';

/** The artifact by which an image's records are attached to it. */
export const recordsArtifactType = 'application/vnd.img.packages.records.v1';

/** The records of an image of one platform. */
export type ImageRecords = {
  /** The manifest of the image. */
  readonly subject: Descriptor;
  readonly records: Descriptor;
};

const maxBytes = 1024 * 1024;

/** Remembers the records of an image that was built, for whoever pushes it. */
export async function rememberRecords(
  cache: LayerCache,
  { descriptor, images }: Pick<BuiltImage, 'descriptor' | 'images'>,
): Promise<void> {
  const list = images.flatMap(({ manifest, lock: { records } }) => {
    return records === undefined ? [] : [[manifest.descriptor, recordsDescriptor(records)]];
  });
  if (list.length === 0) return;
  const path = pathOf(cache, descriptor.digest);
  await makeFolder(dirname(path), 0o755);
  await writeFileAtomic(path, JSON.stringify(list), { durability: 'nothing' });
}

/** What was remembered of an image; nothing if it was built elsewhere, or the cache was removed. */
export async function recallRecords(cache: LayerCache, image: Digest): Promise<readonly ImageRecords[]> {
  try {
    const bytes = await readIfThere(pathOf(cache, image));
    if (bytes === undefined) return [];
    const list = parseJson(bytes, { maxBytes });
    return (list as readonly (readonly JsonValue[])[]).map(([subject, records]) => ({
      subject: descriptorFrom(subject, 'subject', 'JSON_INVALID'),
      records: descriptorFrom(records, 'records', 'JSON_INVALID'),
    }));
  } catch {
    // A crash of the host has cut it off; the push is as good without.
    return [];
  }
}

function pathOf({ folder }: LayerCache, image: Digest): string {
  return join(folder, 'records', 'images', digestHex(image));
}

/**
 * Attaches to an image in a repository what is known of its packages, so that machines with its img.lock build it
 * there without a package. Where another image has that already, nothing is sent: when that one is removed, the next
 * push attaches it again. The image itself may come later.
 *
 * @throws what the target throws
 */
export async function attachRecords(
  { subject, records }: ImageRecords,
  {
    cache,
    target,
    ...options
  }: ContentOptions & { readonly cache: LayerCache; readonly target: ContentTarget },
): Promise<void> {
  const content = await readRecords(cache, records);
  if (content === undefined) return;
  const present = await target.presentBlobs([{ descriptor: records }], options);
  if (present.has(records.digest)) return;
  for (const { descriptor, bytes } of [emptyConfig, { descriptor: records, bytes: content }]) {
    await target.putBlob({ descriptor }, (offset) => once(bytes.subarray(offset)), options);
  }
  const { mediaType, digest, size } = subject;
  const bytes = encodeManifest({
    kind: 'manifest',
    mediaType: mediaTypes.ociManifest,
    artifactType: recordsArtifactType,
    config: emptyConfig.descriptor,
    layers: [records],
    subject: { mediaType, digest, size },
    annotations: {},
  });
  const descriptor = { mediaType: mediaTypes.ociManifest, digest: digestOf(bytes), size: bytes.byteLength };
  await target.putManifest({ descriptor, bytes }, options);
}
