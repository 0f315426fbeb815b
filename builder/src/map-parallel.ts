/**
 * Maps items with so many at work at the same time; results are in the order of the items. After the first
 * failure no further item is begun, and it is thrown once those at work have ended.
 */
export async function mapParallel<Item, Result>(
  items: readonly Item[],
  concurrency: number,
  map: (item: Item, index: number) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  const failures: unknown[] = [];
  const iterator = items.entries();
  const work = async (): Promise<void> => {
    for (const [index, item] of iterator) {
      try {
        results[index] = await map(item, index);
      } catch (error) {
        failures.push(error);
      }
      if (failures.length > 0) return;
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, concurrency) }, () => work()));
  if (failures.length > 0) throw failures[0];
  return results;
}
