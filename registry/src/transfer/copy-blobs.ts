import type { Descriptor } from '@img/spec/descriptor';
import type { Digest } from '@img/spec/digest';
import { isIndexMediaType, isManifestMediaType, layerCompression, mediaTypes } from '@img/spec/media-types';
import type { ProgressListener } from '@img/spec/progress';
import type { ContentSource, ContentTarget, OpenBlob } from './content.ts';
import { namedMismatch } from './named-mismatch.ts';
import { forEachParallel } from './parallel.ts';
import type { PlannedBlob } from './plan-copy.ts';

const defaultParallel = 4;

// A question with its headers has about 1 kB, and what waits for the answer has a round trip more.
const unaskedBytes = 16 * 1024;

export type CopyBlobsOptions = {
  /** What the target has. Then what is small and not among it is new most of the time, and sent without asking. */
  readonly known?: ReadonlySet<Digest>;
  readonly parallel?: number;
  readonly progress?: ProgressListener;
  readonly signal?: AbortSignal;
};

/** Moves the blobs that the target lacks, each once. */
export async function copyBlobs(
  source: ContentSource,
  target: ContentTarget,
  blobs: readonly PlannedBlob[],
  { known = new Set(), parallel = defaultParallel, progress = () => undefined, signal }: CopyBlobsOptions,
): Promise<{ readonly copiedBlobs: number; readonly presentBlobs: number }> {
  const unique = [...new Map(blobs.map((blob) => [blob.request.descriptor.digest, blob])).values()];
  const requests = unique.map(({ request }) => request);
  const unknown = requests.filter(({ descriptor }) => !known.has(descriptor.digest));
  const asked = unknown.filter(({ descriptor }) => known.size === 0 || descriptor.size > unaskedBytes);
  const found = await target.presentBlobs(asked, signal === undefined ? {} : { signal });
  const present = known.union(found);
  const missing = unique.filter(({ request }) => !present.has(request.descriptor.digest));
  for (const { descriptor } of requests) {
    if (present.has(descriptor.digest)) {
      progress({ kind: 'skip', item: descriptor.digest, what: labelOf(descriptor), reason: 'already there' });
    }
  }
  await forEachParallel(missing, parallel, signal, async (blob, innerSignal) => {
    await copyBlob(source, target, blob, progress, innerSignal);
  });
  return { copiedBlobs: missing.length, presentBlobs: unique.length - missing.length };
}

async function copyBlob(
  source: ContentSource,
  target: ContentTarget,
  { request, bytes }: PlannedBlob,
  progress: ProgressListener,
  signal: AbortSignal,
): Promise<void> {
  const { descriptor } = request;
  const item = descriptor.digest;
  const open: OpenBlob = (offset, options) => {
    const content =
      bytes === undefined ? source.getBlob(descriptor, { ...options, offset }) : once(bytes.subarray(offset));
    return reported(content, item, progress);
  };
  progress({ kind: 'start', item, what: labelOf(descriptor), totalBytes: descriptor.size });
  try {
    await target.putBlob(request, open, { signal });
  } catch (error) {
    throw namedMismatch(error, `blob ${item} of ${source.name}`);
  }
  progress({ kind: 'done', item });
}

async function* reported(
  content: AsyncIterable<Uint8Array>,
  item: Digest,
  progress: ProgressListener,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of content) {
    yield chunk;
    progress({ kind: 'advance', item, bytes: chunk.byteLength });
  }
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

/** What a blob is, for people: `layer 3f2a9c0d1e5b`. */
function labelOf({ mediaType, digest }: Descriptor): string {
  const short = digest.slice(digest.indexOf(':') + 1).slice(0, 12);
  return `${kindOf(mediaType)} ${short}`;
}

function kindOf(mediaType: string): string {
  if (layerCompression(mediaType) !== undefined) return 'layer';
  if (mediaType === mediaTypes.ociConfig || mediaType === mediaTypes.dockerConfig) return 'config';
  return isManifestMediaType(mediaType) || isIndexMediaType(mediaType) ? 'manifest' : 'blob';
}
