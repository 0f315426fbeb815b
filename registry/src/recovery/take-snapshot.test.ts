import test from 'ava';
import { databases, openMigrated } from '../metadata/testing/databases.ts';
import { listTombstones } from '../metadata/tombstones.ts';
import type { BlobStore } from '../storage/blob-store.ts';
import { MemoryBlobStore } from '../storage/memory-blob-store.ts';
import { takeSnapshot } from './take-snapshot.ts';

const hourMs = 3_600_000;

for (const [name, open] of databases) {
  test(`${name}: takeSnapshot() stores one when it is due, or early, and buries the one before`, async (t) => {
    const database = await openMigrated(t, open);
    const blobs = new MemoryBlobStore();
    const take = (now: number, isEarly = false) =>
      takeSnapshot(database, blobs, { clock: () => now, everyMs: hourMs, isEarly });
    t.false(await take(1), 'not yet');
    t.true(await take(2 * hourMs));
    const [first] = await Array.fromAsync(blobs.list(), ({ key }) => key);
    t.false(await take(2 * hourMs + 1));
    t.true(await take(2 * hourMs + 1, true));
    t.deepEqual(
      (await listTombstones(database, 3 * hourMs, 9)).map(({ key }) => key),
      [first],
    );
    t.is((await Array.fromAsync(blobs.list())).length, 2);
  });

  test(`${name}: takeSnapshot() that failed is tried again by a registry that ends`, async (t) => {
    const database = await openMigrated(t, open);
    const blobs = new MemoryBlobStore();
    const failing = new Proxy<BlobStore>(blobs, {
      get: (target, property) => {
        if (property === 'append') return () => Promise.reject(new Error('the storage is away'));
        const value: unknown = Reflect.get(target, property, target);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
    const options = { clock: () => 5, everyMs: hourMs, isEarly: true };
    await t.throwsAsync(takeSnapshot(database, failing, options), { message: 'the storage is away' });
    t.false(await takeSnapshot(database, blobs, { ...options, isEarly: false }), 'others wait a while');
    t.true(await takeSnapshot(database, blobs, options));
    t.is((await Array.fromAsync(blobs.list())).length, 1);
  });
}
