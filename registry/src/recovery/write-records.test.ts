import { digestOf } from '@img/spec/digest';
import { parseManifest } from '@img/spec/manifest';
import { mediaTypes } from '@img/spec/media-types';
import { parseRepositoryName } from '@img/spec/repository-name';
import test from 'ava';
import type { Database } from '../metadata/database.ts';
import { deleteManifest } from '../metadata/delete-manifest.ts';
import { migrate } from '../metadata/migrate.ts';
import { migrations } from '../metadata/migrations.ts';
import { putManifest } from '../metadata/put-manifest.ts';
import { databases, openMigrated } from '../metadata/testing/databases.ts';
import { listTombstones } from '../metadata/tombstones.ts';
import type { BlobStore } from '../storage/blob-store.ts';
import { MemoryBlobStore } from '../storage/memory-blob-store.ts';
import { decodeManifestRecord } from './manifest-record.ts';
import { writeRecords } from './write-records.ts';

const app = parseRepositoryName('app');
const minuteMs = 60_000;
const clock = (now: number) => ({ clock: () => now });

for (const [name, open] of databases) {
  const title = (text: string) => `${name}: ${text}`;

  test(title('writeRecords() writes each manifest once, also by several at a time'), async (t) => {
    const database = await openMigrated(t, open);
    const digests = await push(database, 250);
    const blobs = new MemoryBlobStore();
    const drain = async () => {
      let count = 0;
      for (let taken = 1; taken > 0; count += taken) taken = await writeRecords(database, blobs, clock(1));
      return count;
    };
    const counts = await Promise.all([drain(), drain(), drain()]);
    t.is(
      counts.reduce((sum, count) => sum + count),
      250,
    );
    t.deepEqual(await recorded(blobs), digests.toSorted());
    t.is(await drain(), 0);
  });

  test(
    title('a record whose writer died is written under another key, and the first one goes'),
    async (t) => {
      const database = await openMigrated(t, open);
      const digests = await push(database, 1);
      const blobs = new MemoryBlobStore();
      const dying: BlobStore = wrapped(blobs, async () => {
        throw new Error('killed');
      });
      await t.throwsAsync(writeRecords(database, dying, clock(0)), { message: 'killed' });
      const [written] = await Array.fromAsync(blobs.list());
      t.is(await writeRecords(database, blobs, clock(9 * minuteMs)), 0, 'it may be slow only');
      t.is(await writeRecords(database, blobs, clock(10 * minuteMs)), 1);
      const buried = await listTombstones(database, 20 * minuteMs, 9);
      t.deepEqual(
        buried.map(({ key }) => key),
        [written?.key],
      );
      await blobs.discard(buried);
      t.deepEqual(await recorded(blobs), digests);
    },
  );

  test(title('one record that fails keeps only itself waiting'), async (t) => {
    const database = await openMigrated(t, open);
    const digests = await push(database, 50);
    const blobs = new MemoryBlobStore();
    let failures = 1;
    const failing = wrapped(blobs, async () => {
      failures -= 1;
      if (failures === 0) throw new Error('no answer');
    });
    await t.throwsAsync(writeRecords(database, failing, clock(0)), { message: 'no answer' });
    let written = (await Array.fromAsync(blobs.list())).length;
    t.true(written < 50, 'those that had not begun are not tried');
    written += await writeRecords(database, blobs, clock(1));
    t.is(written, 50);
    t.is(await writeRecords(database, blobs, clock(9 * minuteMs)), 0, 'the one may still arrive');
    t.is(await writeRecords(database, blobs, clock(10 * minuteMs)), 1);
    await blobs.discard(await listTombstones(database, 20 * minuteMs, 99));
    t.deepEqual(await recorded(blobs), digests.toSorted());
  });

  test(title('the record of a manifest that is deleted while it is written goes in the end'), async (t) => {
    const database = await openMigrated(t, open);
    const [digest] = await push(database, 1);
    const blobs = new MemoryBlobStore();
    const slow = wrapped(blobs, async () => {
      const move = { actor: 'root', now: 1, reviewAt: 2 };
      await database.transaction((writer) => deleteManifest(writer, app, digest as never, move));
    });
    t.is(await writeRecords(database, slow, clock(0)), 1);
    const [left] = await Array.fromAsync(blobs.list());
    t.deepEqual(
      await listTombstones(database, 9 * minuteMs, 9),
      [],
      'not before nobody can write it any more',
    );
    t.is((await listTombstones(database, 10 * minuteMs, 9))[0]?.key, left?.key);
    t.is(await writeRecords(database, blobs, clock(20 * minuteMs)), 0);
  });

  test(title('manifests of a registry that noted nothing so far are written, too'), async (t) => {
    const database = await open(t);
    t.teardown(() => database.close());
    const step = migrations.findIndex((migration) => migration.name === 'recovery');
    await migrate(database, { now: 1, migrations: migrations.slice(0, step) });
    const bytes = Buffer.from(
      JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [] }),
    );
    await database.transaction(async (writer) => {
      await writer.run("INSERT INTO repositories (name, created_at) VALUES ('app', 1)");
      await writer.run(
        `INSERT INTO manifests (repository_id, digest, media_type, size, created_at, bytes)
          VALUES (1, $1, $2, 1, 1, $3)`,
        digestOf(bytes),
        mediaTypes.ociIndex,
        bytes,
      );
    });
    await migrate(database, { now: 2 });
    const blobs = new MemoryBlobStore();
    t.is(await writeRecords(database, blobs, clock(3)), 1);
    t.deepEqual(await recorded(blobs), [digestOf(bytes)]);
  });

  test(title('the record of a manifest that is deleted goes with it'), async (t) => {
    const database = await openMigrated(t, open);
    const [digest] = await push(database, 1);
    const blobs = new MemoryBlobStore();
    await writeRecords(database, blobs, clock(1));
    const move = { actor: 'root', now: 7, reviewAt: 8 };
    await database.transaction((writer) => deleteManifest(writer, app, digest as never, move));
    await blobs.discard(await listTombstones(database, 7, 9));
    t.deepEqual(await recorded(blobs), []);
  });
}

/** Pushes so many manifests. */
async function push(database: Database, count: number): Promise<readonly string[]> {
  const digests: string[] = [];
  await database.transaction(async (writer) => {
    digests.length = 0;
    for (let number = 0; number < count; number += 1) {
      const annotations = { number: String(number) };
      const index = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [], annotations };
      const bytes = Buffer.from(JSON.stringify(index));
      const digest = digestOf(bytes);
      const put = { repository: app, digest, manifest: parseManifest(bytes), bytes, tags: [] };
      await putManifest(writer, put, { actor: 'root', now: 1 });
      digests.push(digest);
    }
  });
  return digests;
}

/** A store in which something happens after each object is there, before anybody hears of it. */
function wrapped(blobs: MemoryBlobStore, then: () => Promise<void>): BlobStore {
  return {
    name: blobs.name,
    has: (key) => blobs.has(key),
    get: (key, range) => blobs.get(key, range),
    send: (key, sink, range) => blobs.send(key, sink, range),
    delete: (keys) => blobs.delete(keys),
    list: () => blobs.list(),
    locate: () => blobs.locate(),
    append: (key, state) => blobs.append(key, state),
    complete: async (key, state) => {
      await blobs.complete(key, state);
      await then();
    },
    // A process that is killed cleans nothing up.
    discard: async () => undefined,
    listUploads: () => blobs.listUploads(),
    abandon: (upload) => blobs.abandon(upload),
  };
}

async function recorded(blobs: BlobStore): Promise<readonly (string | undefined)[]> {
  const found = await Array.fromAsync(blobs.list(), async ({ key }) => {
    const bytes = Buffer.concat(await Array.fromAsync(await blobs.get(key)));
    return decodeManifestRecord(bytes)?.record.digest as string | undefined;
  });
  return found.toSorted();
}
