import type { Descriptor } from '@img/spec/descriptor';
import type { Digest } from '@img/spec/digest';
import type { Platform } from '@img/spec/platform';
import type { ProgressListener } from '@img/spec/progress';
import type { Tag } from '@img/spec/tag';
import { RegistryError } from '../registry-error.ts';
import type { ContentOptions, ContentSource, ContentTarget } from './content.ts';
import { copyBlobs } from './copy-blobs.ts';
import { type CopyPlan, type PlannedManifest, planCopy } from './plan-copy.ts';
import { putSignatures } from './put-signatures.ts';

export type CopyOptions = {
  readonly source: ContentSource;
  readonly target: ContentTarget;
  /** The image at the source. */
  readonly reference: Tag | Digest;
  /** Tags for the image at the target; it is stored by digest alone if there are none. */
  readonly tags?: readonly Tag[];
  /** Of an index, only this platform's image is copied, with the index itself; all of them if absent. */
  readonly platform?: Platform;
  /** Whether signatures and other referrers travel with the image; true if absent. */
  readonly attachments?: boolean;
  /**
   * Blobs that the target had a moment ago, for example of the image before this one. It is asked only for larger ones
   * that are not among them, and for all of them if it refuses the image.
   */
  readonly known?: ReadonlySet<Digest>;
  /** How many blobs are moved at a time; 4 if absent. */
  readonly parallel?: number;
  readonly progress?: ProgressListener;
  readonly signal?: AbortSignal;
};

export type CopyResult = {
  /** The image, or its index. */
  readonly descriptor: Descriptor;
  /** Blobs that were moved; the others were there. */
  readonly copiedBlobs: number;
  readonly presentBlobs: number;
};

/**
 * Copies an image and what is attached to it. Nothing is stored before what it points at, and the tag changes
 * last, so the target is consistent and signed at every moment; whatever arrived before an interruption is not
 * sent again. Every blob is checked against its digest by the target.
 *
 * @throws RegistryError and SpecError as {@link planCopy}, the source and the target do; DIGEST_MISMATCH and
 *   SIZE_MISMATCH name the source of what is wrong; TAG_REFUSED where the target's rule for the tag is not met: then
 *   the image is there without it; the reason of the signal
 */
export async function copy(options: CopyOptions): Promise<CopyResult> {
  const { source, reference, platform, attachments = true, known = new Set(), signal } = options;
  const plan = await planCopy(source, { reference, platform, isWithAttachments: attachments, signal });
  try {
    return await send(plan, options);
  } catch (error) {
    // Something that was known is gone, perhaps; what arrived is not sent again.
    if (known.size === 0 || !isRefusal(error)) throw error;
    return await send(plan, { ...options, known: new Set() });
  }
}

async function send(plan: CopyPlan, options: CopyOptions): Promise<CopyResult> {
  const { source, target, tags = [], signal } = options;
  const { children, referrers, signatures, image } = plan;
  const all = [...children, image, ...referrers, ...signatures];
  const blobs = await copyBlobs(
    source,
    target,
    all.flatMap(({ blobs }) => blobs),
    options,
  );
  const signalOption = signal === undefined ? {} : { signal };
  for (const { content } of [...children, ...referrers]) await target.putManifest(content, signalOption);
  for (const signature of signatures) await putSignatures(target, signature, signalOption);
  await putImage(image, target, tags, signalOption);
  return { descriptor: image.content.descriptor, ...blobs };
}

// Registries say with one status or another that a manifest names what they don't have.
function isRefusal(error: unknown): boolean {
  return (
    error instanceof RegistryError && (error.code === 'CONTENT_MISSING' || error.code === 'REQUEST_REFUSED')
  );
}

async function putImage(
  image: PlannedManifest,
  target: ContentTarget,
  tags: readonly Tag[],
  options: ContentOptions,
): Promise<void> {
  const { content } = image;
  if (tags.length === 0) await target.putManifest(content, { ...options, isRoot: true });
  if (tags.length > 1 && (await isPutTogether(image, target, tags, options))) return;
  for (const tag of tags) {
    try {
      await target.putManifest(content, { ...options, tag });
    } catch (error) {
      throw error instanceof RegistryError && error.code === 'TAG_REFUSED'
        ? await withoutTag(image, target, { ...options, tag, refusal: error })
        : error;
    }
  }
}

/** Whether the image has all of its tags now; if not, putting one after the other shows which one it can't have. */
async function isPutTogether(
  { content }: PlannedManifest,
  target: ContentTarget,
  tags: readonly Tag[],
  options: ContentOptions,
): Promise<boolean> {
  if (target.putTagged === undefined) return false;
  try {
    await target.putTagged(content, tags, options);
    return true;
  } catch (error) {
    if (error instanceof RegistryError && error.code === 'TAG_REFUSED') return false;
    throw error;
  }
}

/** Leaves an image that may not have its tag there by its digest, where those who are missing can sign it. */
async function withoutTag(
  { content }: PlannedManifest,
  target: ContentTarget,
  { tag, refusal, ...options }: ContentOptions & { readonly tag: Tag; readonly refusal: RegistryError },
): Promise<RegistryError> {
  await target.putManifest(content, { ...options, isRoot: true });
  const name = `${target.name}:${tag}@${content.descriptor.digest}`;
  return new RegistryError('TAG_REFUSED', refusal.message, {
    cause: refusal,
    hint: `the image is there without the tag; sign it with img sign --remote --key KEY ${name}, and push again`,
  });
}
