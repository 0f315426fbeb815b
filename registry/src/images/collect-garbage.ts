import type { Digest } from '@img/spec/digest';

/**
 * Content that images need, which can be taken out of sight, looked at again, and then removed: the blobs of an
 * image store, and what other packages keep beside it (layers, trees).
 */
export type CollectedStore = {
  list(): Promise<readonly Digest[]>;
  /** From now on nobody who looks for it finds it; no error if it is gone. */
  hide(digest: Digest): Promise<void>;
  /** What is hidden, also by a collector that was killed. */
  listHidden(): Promise<readonly Digest[]>;
  /** Undoes `hide`; no error if it is gone. */
  show(digest: Digest): Promise<void>;
  removeHidden(digest: Digest): Promise<void>;
  /** What its files have, hidden or not; 0 if it is gone. */
  sizeBytes(digest: Digest): Promise<number>;
};

/** Something that nothing needs. */
export type Garbage = { readonly digest: Digest; readonly sizeBytes: number };

/** What {@link collectGarbage} would remove now; nothing is hidden or changed. */
export async function findGarbage(
  stores: readonly CollectedStore[],
  needed: () => Promise<ReadonlySet<Digest>>,
): Promise<readonly Garbage[]> {
  const isNeeded = await needed();
  const garbage: Garbage[] = [];
  for (const store of stores) {
    const digests = new Set([...(await store.list()), ...(await store.listHidden())]);
    for (const digest of digests) {
      if (!isNeeded.has(digest)) garbage.push({ digest, sizeBytes: await store.sizeBytes(digest) });
    }
  }
  return garbage;
}

/**
 * Removes what nothing needs, while other commands work.
 *
 * The order makes it safe without locks. A command first says what it needs (a lease) and then looks whether it
 * is there. This first hides, and then asks for a second time what is needed: either it sees the lease and shows
 * the content again, or the command came later, didn't find the content, and fetches it.
 *
 * @param needed asked twice; all that must stay
 * @returns what was removed
 */
export async function collectGarbage(
  stores: readonly CollectedStore[],
  needed: () => Promise<ReadonlySet<Digest>>,
): Promise<readonly Digest[]> {
  for (const store of stores) for (const digest of await store.listHidden()) await store.show(digest);
  const before = await needed();
  const hidden: { readonly store: CollectedStore; readonly digest: Digest }[] = [];
  for (const store of stores) {
    for (const digest of await store.list()) {
      if (before.has(digest)) continue;
      await store.hide(digest);
      hidden.push({ store, digest });
    }
  }
  if (hidden.length === 0) return [];
  const removed: Digest[] = [];
  try {
    const after = await needed();
    for (const { store, digest } of hidden.splice(0)) {
      if (after.has(digest)) {
        await store.show(digest);
      } else {
        await store.removeHidden(digest);
        removed.push(digest);
      }
    }
  } finally {
    // Only if the second question failed: then nothing is removed.
    for (const { store, digest } of hidden) await store.show(digest);
  }
  return removed;
}
