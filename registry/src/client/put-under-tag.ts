import { setTimeout } from 'node:timers/promises';
import type { Digest } from '@img/spec/digest';
import type { Tag } from '@img/spec/tag';
import { RegistryError } from '../registry-error.ts';
import { getManifest } from './get-manifest.ts';
import type { RemoteRepository } from './remote-repository.ts';
import type { Answer } from './transport.ts';

/*
 * Two clients that read what a tag means, add something and write it back overwrite each other. A registry that
 * knows HTTP's conditions (RFC 9110 section 13.1) refuses the second one; most registries don't look at them.
 */

/** What a tag is to mean, and what it has meant so far. */
export type TagChange = {
  readonly tag: Tag;
  readonly digest: Digest;
  /** Null if the tag was not there. */
  readonly replaces: Digest | null;
  /** Sends the manifest; an answer 412 must come back like one of success. */
  readonly put: (headers: { readonly [name: string]: string }) => Promise<Answer>;
};

// No content has this digest, so that the condition is never met.
const impossible = { 'if-match': `"sha256:${'0'.repeat(64)}"` };

const looks = 4;
const pauseMs = { least: 30, most: 150 };

/**
 * Puts a manifest under a tag that still means what the caller has read. A registry that doesn't compare is
 * watched for a moment, longer than others take between reading and writing, so that whoever is overwritten notices
 * and adds again.
 *
 * @throws RegistryError TAG_MOVED, after which the caller reads the tag again
 */
export async function putUnderTag(
  remote: RemoteRepository,
  change: TagChange,
  signal: AbortSignal | undefined,
): Promise<Answer> {
  const { put, replaces } = change;
  if (remote.known.comparesTags !== true) {
    // Where conditions are not looked at this stores the manifest already.
    const startedAt = performance.now();
    const answer = await put(remote.known.comparesTags === undefined ? impossible : {});
    remote.known.comparesTags = answer.status === 412;
    if (answer.status !== 412) {
      await watch(remote, change, performance.now() - startedAt, signal);
      return answer;
    }
    await answer.discard();
  }
  const answer = await put(replaces === null ? { 'if-none-match': '*' } : { 'if-match': `"${replaces}"` });
  if (answer.status !== 412) return answer;
  await answer.discard();
  throw moved(remote, change);
}

async function watch(
  remote: RemoteRepository,
  change: TagChange,
  putMs: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  const options = signal === undefined ? {} : { signal };
  for (let look = 0; look < looks; look += 1) {
    // At random, so that two clients don't go on overwriting each other in step; and where this one was slow, so are
    // the others.
    const pause = pauseMs.least + Math.random() * (pauseMs.most - pauseMs.least) + putMs;
    await setTimeout(pause, undefined, options);
    const found = await getManifest(remote, change.tag, options);
    if (found?.descriptor.digest !== change.digest) throw moved(remote, change);
  }
}

function moved({ name }: RemoteRepository, { tag }: TagChange): RegistryError {
  return new RegistryError(
    'TAG_MOVED',
    `tag ${tag} of ${name} was changed by somebody else at the same time`,
  );
}
