import type { Digest } from '@img/spec/digest';
import { ProtocolError } from '@img/spec/protocol-error';
import type { Tag } from '@img/spec/tag';
import { findCheck, noteCheck } from '../../metadata/cache/checks.ts';
import { ofOneRow } from '../../metadata/database.ts';
import { deleteTag } from '../../metadata/delete-manifest.ts';
import { findManifestHead } from '../../metadata/manifests.ts';
import { pointAdmittedTag } from '../admission/point-admitted-tag.ts';
import { type CachedRepository, deadlineOf, moveOf, type Stale } from './cached-repository.ts';
import type { KeepManifest } from './store-copy.ts';
import { unlessUpstreamFails } from './unless-upstream-fails.ts';

/**
 * Makes a tag mean what it means upstream, as far as that is known: the upstream is asked again after a while, and
 * what is here stays if it does not answer.
 *
 * @returns undefined if the tag is up to date, whether there is such a tag or not
 */
export async function bringTag(
  copy: CachedRepository,
  tag: Tag,
  keep: KeepManifest,
): Promise<Stale | undefined> {
  const { name, services, upstream } = copy;
  const { database, clock, cache } = services;
  const held = await findManifestHead(database, name, { tag });
  const checkedAt = held && (await findCheck(database, name, tag));
  if (checkedAt !== undefined && checkedAt > clock() - upstream.freshMs) return undefined;
  return unlessUpstreamFails(copy, { reference: tag, isHere: held !== undefined }, () => {
    return cache.shared.run(`tag ${name}:${tag}`, () => refresh(copy, tag, held?.digest, keep));
  });
}

async function refresh(
  copy: CachedRepository,
  tag: Tag,
  held: Digest | undefined,
  keep: KeepManifest,
): Promise<void> {
  const { name, remote, services } = copy;
  const { database, clock } = services;
  const signal = deadlineOf(copy);
  const head = await remote.headTag(tag, { signal });
  if (head === undefined) return removeTag(copy, tag);
  const { digest } = head;
  if ((digest === undefined || digest !== held) && !(await point(copy, tag, digest))) {
    const content = await remote.getManifest(digest ?? tag, { signal });
    if (content === undefined) return removeTag(copy, tag);
    await keep(copy, content, tag);
  }
  await database.transaction((writer) => noteCheck(writer, name, tag, clock()), ofOneRow);
}

/** Points the tag at what is here already; false if it isn't, or if a rule does not admit it with what is here. */
async function point(copy: CachedRepository, tag: Tag, digest: Digest | undefined): Promise<boolean> {
  if (digest === undefined) return false;
  const pointing = { tag, digest, current: undefined };
  try {
    return (await pointAdmittedTag(copy.services, copy.name, pointing, moveOf(copy))).kind === 'done';
  } catch (error) {
    // It may have been signed upstream since it was brought.
    if (error instanceof ProtocolError && error.code === 'DENIED') return false;
    throw error;
  }
}

/** What was removed upstream is no longer called so here either; it stays by its digest. */
async function removeTag(copy: CachedRepository, tag: Tag): Promise<void> {
  const { name, services } = copy;
  if ((await findManifestHead(services.database, name, { tag })) === undefined) return;
  await services.database.transaction((writer) => deleteTag(writer, name, tag, moveOf(copy)));
}
