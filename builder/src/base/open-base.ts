import type { ContentSource } from '@img/registry/transfer/content';
import type { Digest } from '@img/spec/digest';
import type { Tag } from '@img/spec/tag';

/** The place of an image that another one is built upon. Close it. */
export type OpenedBase = AsyncDisposable & {
  readonly source: ContentSource;
  readonly reference: Tag | Digest;
};

/**
 * Finds the image that `from:` names; what names mean is the business of whoever builds.
 *
 * @param folder the folder of the img.yaml, which paths in the name are relative to
 */
export type OpenBase = (name: string, folder: string) => Promise<OpenedBase>;
