import type { Digest } from '@img/spec/digest';
import type { RepositoryName } from '@img/spec/repository-name';
import type { Tag } from '@img/spec/tag';
import { noteEvent } from '../metadata/accounts/events.ts';
import type { Database, Reader, Writer } from '../metadata/database.ts';
import { deleteManifest } from '../metadata/delete-manifest.ts';
import { findRepository } from '../metadata/repositories.ts';
import { findOldestOfLatest, findTagState, listTagStates, type TagState } from '../metadata/tag-states.ts';
import { removeTag } from '../metadata/tags.ts';
import { hasManifestLike, listUntagged } from '../metadata/untagged-manifests.ts';
import { attachmentSubject } from '../transfer/attachment-tag.ts';
import { type KeepContext, keepsTag, type RetentionPolicy, untaggedSince } from './retention-policy.ts';

/** Who did it, in the history of tags; no user can have the name. */
export const retentionActor = '(retention)';

export type RetentionRun = {
  readonly repository: RepositoryName;
  readonly policy: RetentionPolicy;
  /** Milliseconds since 1970. */
  readonly now: number;
  /** The time that whoever pushes has to point at what was pushed. */
  readonly unneededMs: number;
  /** Whether only to say what would be removed. */
  readonly isDryRun: boolean;
};

export type RetentionReport = {
  readonly keptTags: number;
  readonly removedTags: number;
  readonly removedManifests: number;
  /** The first of the tags that were removed, or would be. */
  readonly tags: readonly TagState[];
  /** The first of the manifests. */
  readonly manifests: readonly Digest[];
};

const rowsTogether = 100;
const mostListed = 1000;

type Counts = { keptTags: number; removedTags: number; removedManifests: number };
type Found = Counts & { tags: TagState[]; manifests: Digest[] };

/**
 * Carries a policy out on one repository, in small transactions, each of which looks again at what it removes. What
 * loses its last tag now goes in a later run, when its own time is over; until then its tag can be restored.
 */
export async function runRetention(database: Database, run: RetentionRun): Promise<RetentionReport> {
  const found: Found = { keptTags: 0, removedTags: 0, removedManifests: 0, tags: [], manifests: [] };
  const repositoryId = await findRepository(database, run.repository);
  if (repositoryId === undefined) return found;
  await removeTags(database, repositoryId, run, found);
  await removeUntagged(database, repositoryId, run, found);
  return found;
}

async function removeTags(
  database: Database,
  repositoryId: number,
  run: RetentionRun,
  found: Found,
): Promise<void> {
  for (let after = ''; ; ) {
    const states = await listTagStates(database, repositoryId, { after, limit: rowsTogether });
    const surplus = await surplusOf(database, repositoryId, run, states);
    const removed =
      run.isDryRun || surplus.length === 0
        ? surplus
        : await database.transaction((writer) => removeAgain(writer, repositoryId, run, surplus));
    found.keptTags += states.length - removed.length;
    found.removedTags += removed.length;
    found.tags.push(...removed.slice(0, mostListed - found.tags.length));
    if (states.length < rowsTogether) return;
    after = states.at(-1)?.tag ?? after;
  }
}

/** Removes those of the tags that are still surplus. */
async function removeAgain(
  writer: Writer,
  repositoryId: number,
  run: RetentionRun,
  candidates: readonly TagState[],
): Promise<readonly TagState[]> {
  const current: TagState[] = [];
  for (const { tag } of candidates) {
    const state = await findTagState(writer, repositoryId, tag);
    if (state !== undefined) current.push(state);
  }
  const surplus = await surplusOf(writer, repositoryId, run, current);
  for (const { tag } of surplus) {
    await removeTag(writer, repositoryId, tag, { actor: retentionActor, now: run.now });
  }
  await note(writer, run, surplus.length, 'tag');
  return surplus;
}

async function surplusOf(
  reader: Reader,
  repositoryId: number,
  { policy, now, unneededMs }: RetentionRun,
  states: readonly TagState[],
): Promise<readonly TagState[]> {
  const oldestOfLatest =
    policy.latest === undefined ? undefined : await findOldestOfLatest(reader, repositoryId, policy.latest);
  const context: KeepContext = { now, oldestOfLatest };
  const before = untaggedSince(policy, { now, unneededMs });
  const surplus: TagState[] = [];
  for (const state of states) {
    const subject = attachedTo(state.tag);
    // What is attached to an image stays as long as the image.
    const isSurplus =
      subject === undefined
        ? !keepsTag(policy, state, context)
        : before !== undefined &&
          state.updated_at <= before &&
          !(await hasManifestLike(reader, repositoryId, subject));
    if (isSurplus) surplus.push(state);
  }
  return surplus;
}

/** What the digest begins with that the tag only attaches something to; undefined for the tag of an image. */
function attachedTo(tag: Tag): string | undefined {
  return attachmentSubject(tag)?.replace('-', ':');
}

async function removeUntagged(
  database: Database,
  repositoryId: number,
  run: RetentionRun,
  found: Found,
): Promise<void> {
  const leftBefore = untaggedSince(run.policy, run);
  if (leftBefore === undefined) return;
  for (let after = 0; ; ) {
    const page = { leftBefore, after, limit: rowsTogether };
    const manifests = run.isDryRun
      ? await listUntagged(database, repositoryId, page)
      : await database.transaction(async (writer) => {
          const due = await listUntagged(writer, repositoryId, page);
          const { repository, now, unneededMs } = run;
          const move = { actor: retentionActor, now, reviewAt: now + unneededMs };
          for (const { digest } of due) await deleteManifest(writer, repository, digest, move);
          await note(writer, run, due.length, 'manifest');
          return due;
        });
    found.removedManifests += manifests.length;
    const digests = manifests.map(({ digest }) => digest);
    found.manifests.push(...digests.slice(0, mostListed - found.manifests.length));
    if (manifests.length < rowsTogether) return;
    after = manifests.at(-1)?.id ?? after;
  }
}

async function note(
  writer: Writer,
  { repository, now }: RetentionRun,
  count: number,
  what: 'tag' | 'manifest',
): Promise<void> {
  if (count === 0) return;
  const action = `remove ${count} ${count === 1 ? what : `${what}s`} by policy from`;
  await noteEvent(writer, { at: now, actor: retentionActor, action, subject: repository });
}
