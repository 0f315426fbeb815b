import { mapParallel } from '../map-parallel.ts';

/**
 * Works on items at the same time. The first failure also ends those at work through their signal; it is thrown when
 * all have ended, so that nothing goes on behind the caller's back.
 */
export async function together<Item, Result>(
  signal: AbortSignal | undefined,
  items: readonly Item[],
  work: (item: Item, signal: AbortSignal) => Promise<Result>,
  { concurrency = items.length }: { readonly concurrency?: number } = {},
): Promise<readonly Result[]> {
  const failed = new AbortController();
  const either = AbortSignal.any(signal === undefined ? [failed.signal] : [signal, failed.signal]);
  return await mapParallel(items, concurrency, async (item) => {
    either.throwIfAborted();
    try {
      return await work(item, either);
    } catch (error) {
      failed.abort(error);
      throw error;
    }
  });
}
