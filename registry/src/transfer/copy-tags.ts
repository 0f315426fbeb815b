import type { ProgressListener } from '@img/spec/progress';
import { isTag, type Tag } from '@img/spec/tag';
import { attachmentSubject } from './attachment-tag.ts';
import type { ContentSource, ContentTarget } from './content.ts';
import { copy } from './copy.ts';

export type CopyTagsOptions = {
  readonly source: ContentSource;
  readonly target: ContentTarget;
  /** Names at the source; those that are no tags of images are passed over. */
  readonly names: AsyncIterable<string> | Iterable<string>;
  readonly progress: ProgressListener;
  readonly signal: AbortSignal;
};

export type CopiedTags = {
  readonly tags: readonly Tag[];
  readonly copiedBlobs: number;
  readonly presentBlobs: number;
};

/**
 * Copies tags with their images and everything that is attached to them, such as signatures. A tag that exists at the
 * target means what it means at the source afterwards; what arrived before an interruption is not sent again.
 *
 * @throws what {@link copy} throws
 */
export async function copyTags(options: CopyTagsOptions): Promise<CopiedTags> {
  const { source, target, names, progress, signal } = options;
  const tags: Tag[] = [];
  let copiedBlobs = 0;
  let presentBlobs = 0;
  for await (const name of names) {
    // Attachments come with their images.
    if (!isTag(name) || attachmentSubject(name) !== undefined) continue;
    const copied = await copy({ source, target, reference: name, tags: [name], progress, signal });
    tags.push(name);
    copiedBlobs += copied.copiedBlobs;
    presentBlobs += copied.presentBlobs;
  }
  return { tags, copiedBlobs, presentBlobs };
}
