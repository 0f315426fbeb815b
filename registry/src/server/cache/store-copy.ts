import { parseManifest } from '@img/spec/manifest';
import type { Tag } from '@img/spec/tag';
import { putManifest } from '../../metadata/put-manifest.ts';
import type { ManifestContent } from '../../transfer/content.ts';
import { admitTags } from '../admission/admit-tags.ts';
import { type CachedRepository, moveOf } from './cached-repository.ts';

/** Keeps a manifest that came from the upstream. */
export type KeepManifest = (copy: CachedRepository, content: ManifestContent, tag?: Tag) => Promise<void>;

/**
 * Stores a manifest, and points the tag at it if there is one.
 *
 * @throws ProtocolError DENIED where a rule does not admit what the tag means upstream
 */
export const storeCopy: KeepManifest = async (copy, { descriptor, bytes }, tag) => {
  const { name: repository, services } = copy;
  const manifest = parseManifest(bytes, descriptor.mediaType);
  const tags = tag === undefined ? [] : [tag];
  const put = { repository, digest: descriptor.digest, manifest, bytes, tags };
  const move = moveOf(copy);
  await admitTags(services, { repository, descriptor, tags }, move, (writer) =>
    putManifest(writer, put, move),
  );
};
