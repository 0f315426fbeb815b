/**
 * Runs the work for every item, at most `limit` at a time. The first failure aborts the signal that the others
 * were given; it is thrown when all of them have ended, so nothing goes on behind the caller's back.
 */
export async function forEachParallel<Item>(
  items: Iterable<Item>,
  limit: number,
  signal: AbortSignal | undefined,
  work: (item: Item, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const failed = new AbortController();
  const innerSignal = signal === undefined ? failed.signal : AbortSignal.any([signal, failed.signal]);
  const waiting = items[Symbol.iterator]();
  const failures: unknown[] = [];
  const worker = async () => {
    try {
      for (let next = waiting.next(); next.done !== true; next = waiting.next()) {
        innerSignal.throwIfAborted();
        await work(next.value, innerSignal);
      }
    } catch (error) {
      failures.push(error);
      failed.abort(error);
    }
  };
  await Promise.all(Array.from({ length: limit }, worker));
  if (failures.length > 0) throw failures[0];
}
