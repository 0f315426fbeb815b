import type { Tag } from '@img/spec/tag';

// The tag itself is the fallback list of referrers; the suffixes are cosign's.
const pattern = /^(sha(?:256|512)-[0-9a-f]{64})(?:\.(?:sig|att|sbom))?$/;

/**
 * The referrers tag of the manifest that a tag is attached to, such as `sha256-<hex>` for `sha256-<hex>.sig`;
 * undefined for the tag of an image.
 */
export function attachmentSubject(tag: Tag): Tag | undefined {
  return pattern.exec(tag)?.[1] as Tag | undefined;
}
