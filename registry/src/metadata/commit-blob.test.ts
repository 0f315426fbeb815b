import test from 'ava';
import { findBlob, findStoredBlob } from './blobs.ts';
import { collectUnneededBlobs } from './collect-unneeded-blobs.ts';
import { commitBlob } from './commit-blob.ts';
import type { Database } from './database.ts';
import { deleteBlob } from './delete-blob.ts';
import { deleteManifest } from './delete-manifest.ts';
import { listRepositoriesWithBlob, postponeReview } from './links.ts';
import { MetadataError } from './metadata-error.ts';
import { mountBlob } from './mount-blob.ts';
import {
  beginUpload,
  hourMs,
  imageOf,
  indexOf,
  layer,
  otherRepository,
  pushBlob,
  pushManifest,
  repository,
  token,
} from './testing/content.ts';
import { databases, openMigrated } from './testing/databases.ts';
import { forgetTombstones, listTombstones } from './tombstones.ts';
import { findUpload } from './uploads.ts';

const digest = layer('bytes').digest;

for (const [name, open] of databases) {
  const title = (text: string) => `${name}: ${text}`;

  test(title('commitBlob() turns an upload into a blob of its repository, and of no other'), async (t) => {
    const database = await openMigrated(t, open);
    const upload = await pushBlob(database, 'bytes');
    const blob = await findBlob(database, repository, digest);
    t.like(blob, { digest, size: 5, key: upload.key });
    t.is(await findBlob(database, otherRepository, digest), undefined);
    t.is(await findUpload(database, upload), undefined, 'the upload is over');
    t.deepEqual(await listTombstones(database, Number.MAX_SAFE_INTEGER, 10), []);
  });

  test(title('commitBlob() keeps the bytes that were first and buries the second ones'), async (t) => {
    const database = await openMigrated(t, open);
    const first = await pushBlob(database, 'bytes');
    const second = await pushBlob(database, 'bytes', { into: otherRepository });
    t.is((await findBlob(database, otherRepository, digest))?.key, first.key);
    t.deepEqual(await buried(database), [second.key]);
    const third = await pushBlob(database, 'bytes');
    t.deepEqual((await buried(database)).toSorted(), [second.key, third.key].toSorted());
    await database.transaction((writer) => forgetTombstones(writer, [second.key]));
    t.deepEqual(await buried(database), [third.key]);
  });

  test(title('commitBlob() heals a blob whose bytes were lost'), async (t) => {
    const database = await openMigrated(t, open);
    const first = await pushBlob(database, 'bytes');
    const lost = await findStoredBlob(database, digest);
    const upload = await beginUpload(database, 'bytes');
    await database.transaction((writer) =>
      commitBlob(writer, { upload, token, digest, lost }, { now: 2, reviewAt: 3 }),
    );
    t.is((await findBlob(database, repository, digest))?.key, upload.key);
    t.deepEqual(await buried(database), [first.key]);
  });

  test(title('commitBlob() refuses an upload whose lock was lost, and changes nothing'), async (t) => {
    const database = await openMigrated(t, open);
    const upload = await beginUpload(database, 'bytes');
    const error = await t.throwsAsync(
      database.transaction((writer) =>
        commitBlob(writer, { upload, token: 'process-2', digest }, { now: 2, reviewAt: 3 }),
      ),
      { instanceOf: MetadataError },
    );
    t.is(error?.code, 'UPLOAD_TAKEN');
    t.is(await findBlob(database, repository, digest), undefined);
    t.not(await findUpload(database, upload), undefined);
  });

  test(title('mountBlob() gives a blob to another repository without another copy'), async (t) => {
    const database = await openMigrated(t, open);
    const { key } = await pushBlob(database, 'bytes');
    const mount = (from: typeof repository, to: typeof repository) =>
      database.transaction((writer) => mountBlob(writer, { digest, from, to }, { now: 2, reviewAt: 3 }));
    t.true(await mount(repository, otherRepository));
    t.is((await findBlob(database, otherRepository, digest))?.key, key);
    t.deepEqual(await listRepositoriesWithBlob(database, digest, 10), [repository, otherRepository]);
    t.deepEqual(await listRepositoriesWithBlob(database, digest, 1), [repository]);
    t.true(await mount(otherRepository, otherRepository), 'onto itself is harmless');
  });

  test(title('mountBlob() of a blob that the source does not have is false'), async (t) => {
    const database = await openMigrated(t, open);
    await pushBlob(database, 'bytes');
    const from = otherRepository;
    t.false(
      await database.transaction((writer) =>
        mountBlob(writer, { digest, from, to: repository }, { now: 2, reviewAt: 3 }),
      ),
    );
  });

  test(
    title('deleteBlob() takes the blob from one repository, and the bytes with the last one'),
    async (t) => {
      const database = await openMigrated(t, open);
      const { key } = await pushBlob(database, 'bytes');
      await pushBlob(database, 'bytes', { into: otherRepository });
      const [surplus] = await buried(database);
      await database.transaction((writer) => forgetTombstones(writer, [surplus as typeof key]));
      const remove = (from: typeof repository) =>
        database.transaction((writer) => deleteBlob(writer, from, digest, 2));
      t.deepEqual(await remove(repository), { kind: 'deleted' });
      t.is(await findBlob(database, repository, digest), undefined);
      t.is((await findBlob(database, otherRepository, digest))?.key, key);
      t.deepEqual(await buried(database), []);
      t.deepEqual(await remove(repository), { kind: 'unknown' }, 'a second time');
      t.deepEqual(await remove(otherRepository), { kind: 'deleted' });
      t.deepEqual(await buried(database), [key]);
      t.is(await findStoredBlob(database, digest), undefined);
    },
  );

  test(title('deleteBlob() spares what a manifest of the repository needs'), async (t) => {
    const database = await openMigrated(t, open);
    await pushBlob(database, 'bytes');
    await pushBlob(database, 'bytes', { into: otherRepository });
    const image = await pushManifest(database, imageOf('config', ['bytes']));
    const remove = (from: typeof repository) =>
      database.transaction((writer) => deleteBlob(writer, from, digest, 2));
    t.deepEqual(await remove(repository), { kind: 'protected', by: [image.digest] });
    t.deepEqual(await remove(otherRepository), { kind: 'deleted' }, 'the other one has no such manifest');
  });

  test(title('collectUnneededBlobs() takes what no manifest came for, when its time is over'), async (t) => {
    const database = await openMigrated(t, open);
    const { key } = await pushBlob(database, 'bytes', { now: 1000 });
    t.is(await collect(database, 1000 + hourMs - 1), 0, 'not before the time');
    t.is(await collect(database, 1000 + hourMs), 1);
    t.is(await findBlob(database, repository, digest), undefined);
    t.deepEqual(await buried(database), [key]);
    t.is(await collect(database, 1000 + hourMs), 0, 'nothing is left');
  });

  test(title('collectUnneededBlobs() spares what a manifest needs, until the manifest goes'), async (t) => {
    const database = await openMigrated(t, open);
    await pushBlob(database, 'bytes');
    const image = await pushManifest(database, imageOf('config', ['bytes']));
    t.is(await collect(database, 2 * hourMs), 1, 'looked at');
    t.is((await findBlob(database, repository, digest))?.review_at, null);
    t.is(await collect(database, 9 * hourMs), 0, 'not looked at again');
    await database.transaction((writer) =>
      deleteManifest(writer, repository, image.digest, {
        actor: 'alice',
        now: 10 * hourMs,
        reviewAt: 11 * hourMs,
      }),
    );
    await collect(database, 11 * hourMs - 1);
    t.not(await findBlob(database, repository, digest), undefined, 'a push that counts on it has time');
    await collect(database, 11 * hourMs);
    t.is(await findBlob(database, repository, digest), undefined);
  });

  test(title('collectUnneededBlobs() spares layers that an index lists, as build caches do'), async (t) => {
    const database = await openMigrated(t, open);
    await pushBlob(database, 'bytes');
    await pushManifest(database, indexOf([layer('bytes')]));
    await collect(database, 2 * hourMs);
    t.not(await findBlob(database, repository, digest), undefined);
  });

  test(title('postponeReview() keeps a blob for a pusher who asked for it'), async (t) => {
    const database = await openMigrated(t, open);
    await pushBlob(database, 'bytes', { now: 0 });
    const postpone = (of: typeof digest) =>
      database.transaction((writer) => postponeReview(writer, repository, of, 5 * hourMs));
    t.true(await postpone(digest));
    await collect(database, 5 * hourMs - 1);
    t.not(await findBlob(database, repository, digest), undefined);
    await collect(database, 5 * hourMs);
    t.is(await findBlob(database, repository, digest), undefined);
    t.false(await postpone(digest), 'gone is gone: the answer must be that the blob is unknown');
  });

  test(title('collectUnneededBlobs() works through more than its limit in several calls'), async (t) => {
    const database = await openMigrated(t, open);
    for (const text of ['a', 'b', 'c']) await pushBlob(database, text, { now: 0 });
    const counts = [];
    for (let call = 0; call < 3; call += 1) {
      counts.push(await database.transaction((writer) => collectUnneededBlobs(writer, hourMs, 2)));
    }
    t.deepEqual(counts, [2, 1, 0]);
    t.is((await buried(database)).length, 3);
  });
}

async function collect(database: Database, now: number): Promise<number> {
  return database.transaction((writer) => collectUnneededBlobs(writer, now, 100));
}

async function buried(database: Database) {
  return (await listTombstones(database, Number.MAX_SAFE_INTEGER, 100)).map(({ key }) => key);
}
