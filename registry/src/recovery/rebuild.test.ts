import { join } from 'node:path';
import { Readable } from 'node:stream';
import { temporaryFolder } from '@img/sign/testing/temporary-folder';
import { type Digest, digestOf } from '@img/spec/digest';
import { mediaTypes } from '@img/spec/media-types';
import { parseRepositoryName } from '@img/spec/repository-name';
import test, { type ExecutionContext } from 'ava';
import { findBlob } from '../metadata/blobs.ts';
import { PostgresDatabase } from '../metadata/postgres/postgres-database.ts';
import { SqliteDatabase } from '../metadata/sqlite-database.ts';
import { postgresServers } from '../metadata/testing/postgres-servers.ts';
import { listTombstones } from '../metadata/tombstones.ts';
import { sweepOnce } from '../server/testing/sweep-once.ts';
import { pushBlob, pushManifest } from '../server/testing/test-registry.ts';
import { type BlobKey, kindOfKey } from '../storage/blob-key.ts';
import type { BlobStore } from '../storage/blob-store.ts';
import { FileBlobStore } from '../storage/file-blob-store.ts';
import { MemoryBlobStore } from '../storage/memory-blob-store.ts';
import { putBlob } from '../storage/put-blob.ts';
import { S3BlobStore } from '../storage/s3/s3-blob-store.ts';
import { s3Servers } from '../storage/testing/s3-servers.ts';
import { recordBytes } from './manifest-record.ts';
import { rebuild } from './rebuild.ts';
import { answers, fill, type Stores, serve } from './testing/filled-registry.ts';

type Kind = {
  readonly name: string;
  readonly blobs: (t: ExecutionContext) => Promise<BlobStore>;
  /** An empty one each time. */
  readonly database: (t: ExecutionContext) => Promise<Stores['database']>;
};

const openSqlite = async (t: ExecutionContext) =>
  SqliteDatabase.open(join(temporaryFolder(t), 'metadata.sqlite'));

const kinds: readonly Kind[] = [
  {
    name: 'files and SQLite',
    blobs: (t) => FileBlobStore.open(temporaryFolder(t)),
    database: openSqlite,
  },
  ...postgresServers().flatMap((postgres) =>
    s3Servers().map((s3) => ({
      name: `${s3.name} and ${postgres.name}`,
      blobs: async (t: ExecutionContext) => {
        const store = await S3BlobStore.open(await s3.bucket());
        t.teardown(() => store.close());
        return store;
      },
      database: async () => PostgresDatabase.open(await postgres.database()),
    })),
  ),
];

for (const { name, blobs: openBlobs, database: openDatabase } of kinds) {
  test(`${name}: a registry that was rebuilt gives the answers that it gave before`, async (t) => {
    const blobs = await openBlobs(t);
    const original = await open(t, openDatabase);
    const first = await serve(t, { blobs, database: original });
    await fill(first.client);
    await first.running.close();
    const again = await serve(t, { blobs, database: original });
    const before = await answers(again);
    await again.running.close();
    const database = await open(t, openDatabase);
    const rebuilt = await rebuildIn(database, blobs);
    // The snapshot before the last one waits for the next round of cleaning up.
    t.like(rebuilt, { repositories: 2, manifests: 5, tags: 3, users: 2, blobs: 3, unneeded: 1 });
    t.deepEqual(
      [rebuilt.lostBlobs, rebuilt.lostTags, rebuilt.lostLogs, rebuilt.damagedNotes],
      [[], [], [], 0],
    );
    const second = await serve(t, { blobs, database });
    t.deepEqual(await answers(second), before);
    // Which ends its own first round.
    await second.running.close();
    await sweepOnce(database, blobs, 24 * 14);
    const swept = await serve(t, { blobs, database });
    t.deepEqual(await answers(swept), before, 'nothing goes that is needed');
    await swept.running.close();
    const third = await open(t, openDatabase);
    t.like(await rebuildIn(third, blobs), { manifests: 5, tags: 3, users: 2, unneeded: 1 }, 'and again');
  });
}

test('a registry refuses an empty database where its storage is not empty', async (t) => {
  const { blobs } = await filled(t);
  const database = await open(t, openSqlite);
  const error = await t.throwsAsync(serve(t, { blobs, database }), { code: 'METADATA_MISSING' });
  t.is(error?.message, 'the database is empty, but memory is not');
});

test('rebuild() refuses a database that is in use', async (t) => {
  const { blobs, database } = await filled(t);
  await t.throwsAsync(rebuildIn(database, blobs), { code: 'DATABASE_NOT_EMPTY' });
});

test('rebuild() that broke off begins anew, and no registry starts before it is done', async (t) => {
  const { blobs } = await filled(t);
  const database = await open(t, openSqlite);
  const broken = new AbortController();
  const progress = () => broken.abort();
  const options = { clock: Date.now, progress, signal: broken.signal };
  await t.throwsAsync(rebuild(database, blobs, options), { name: 'AbortError' });
  const error = await t.throwsAsync(serve(t, { blobs, database }), { code: 'METADATA_MISSING' });
  t.is(error?.message, 'the metadata of memory are not rebuilt to their end');
  t.like(await rebuildIn(database, blobs), { manifests: 5, tags: 3 });
  await serve(t, { blobs, database });
});

test('rebuild() refuses a storage without notes, and leaves it alone', async (t) => {
  const blobs = new MemoryBlobStore();
  const database = await open(t, openSqlite);
  await t.throwsAsync(rebuildIn(database, blobs), {
    message: 'there is nothing in memory to rebuild a registry from',
  });
  await putBlob(blobs, [Buffer.from('x')]);
  await t.throwsAsync(rebuildIn(database, blobs), {
    message: 'there is no manifest in memory to rebuild a registry from',
  });
  t.is((await Array.fromAsync(blobs.list())).length, 1);
});

test('rebuild() without a snapshot has all images, no tags and no users', async (t) => {
  const { blobs } = await filled(t);
  await blobs.delete((await keysOf(blobs)).filter((key) => kindOfKey(key) === 'snapshot'));
  const database = await open(t, openSqlite);
  t.like(await rebuildIn(database, blobs), { manifests: 5, tags: 0, users: 0, knownUntil: undefined });
  const { client } = await serve(t, { blobs, database });
  t.is((await client.send('GET', `/v2/app/blobs/${digestOf(Buffer.from('layer'))}`)).text, 'layer');
});

test('rebuild() takes the newest snapshot that is whole', async (t) => {
  const { blobs } = await filled(t);
  const [snapshot] = (await keysOf(blobs)).filter((key) => kindOfKey(key) === 'snapshot');
  const bytes = Buffer.concat(await Array.fromAsync(await blobs.get(snapshot as never)));
  for (const damaged of [bytes.subarray(0, -20), Buffer.from('not compressed'), Buffer.alloc(0)]) {
    await putBlob(blobs, [damaged], `${digestOf(damaged).slice(7, 39)}.snapshot` as never);
  }
  const database = await open(t, openSqlite);
  t.like(await rebuildIn(database, blobs), { tags: 3, damagedNotes: 3, unneeded: 3 });
});

test('rebuild() says what is lost', async (t) => {
  const { blobs, database: before, v1 } = await filled(t);
  const layer = digestOf(Buffer.from('layer'));
  const { key } = (await findBlob(before, parseRepositoryName('app'), layer)) ?? {};
  const row = await before.get<{ key: string }>(
    'SELECT n.key FROM manifest_records n JOIN manifests m ON m.id = n.manifest_id WHERE m.digest = $1',
    v1,
  );
  await blobs.delete([key as never, row?.key as never]);
  // A note of which a bit has changed.
  const bytes = Buffer.from('{"format":"img-registry-manifest/1"}\n{}');
  await putBlob(blobs, [bytes], `${'0'.repeat(32)}.manifest` as never);
  // And one that something else has overwritten.
  await putBlob(blobs, [Buffer.alloc(recordBytes + 1)], `${'1'.repeat(32)}.manifest` as never);
  const database = await open(t, openSqlite);
  t.like(await rebuildIn(database, blobs), {
    manifests: 4,
    tags: 2,
    lostTags: ['app:v1'],
    lostBlobs: [layer],
    damagedNotes: 2,
    unneeded: 2,
  });
});

test('rebuild() names what the disk can not read, goes on and leaves it alone', async (t) => {
  const { blobs, database: before, v1 } = await filled(t);
  const layer = digestOf(Buffer.from('layer'));
  const { key } = (await findBlob(before, parseRepositoryName('app'), layer)) ?? {};
  const row = await before.get<{ key: BlobKey }>(
    'SELECT n.key FROM manifest_records n JOIN manifests m ON m.id = n.manifest_id WHERE m.digest = $1',
    v1,
  );
  await blobs.delete([key as BlobKey]);
  const worn = [row?.key as BlobKey, await putBlob(blobs, [Buffer.from('layer')])];
  for (const snapshot of await keysOf(blobs)) if (kindOfKey(snapshot) === 'snapshot') worn.push(snapshot);
  const get = blobs.get.bind(blobs);
  blobs.get = async (asked, range) => (worn.includes(asked) ? unreadable() : await get(asked, range));
  const database = await open(t, openSqlite);
  const rebuilt = await rebuildIn(database, blobs);
  t.deepEqual(rebuilt.unreadable.toSorted(), worn.toSorted());
  t.like(rebuilt, { manifests: 4, tags: 0, lostBlobs: [layer], damagedNotes: worn.length - 1, unneeded: 0 });
  t.deepEqual(await listTombstones(database, Number.MAX_SAFE_INTEGER, 9), []);
});

test('rebuild() finds blobs that are not where their manifests say', async (t) => {
  const { blobs, database: before } = await filled(t);
  const layer = digestOf(Buffer.from('layer'));
  const { key } = (await findBlob(before, parseRepositoryName('app'), layer)) ?? {};
  await blobs.delete([key as never]);
  await putBlob(blobs, [Buffer.from('layer')]);
  for (const other of ['reyal', 'nobody needs this']) await putBlob(blobs, [Buffer.from(other)]);
  const database = await open(t, openSqlite);
  t.like(await rebuildIn(database, blobs), { manifests: 5, lostBlobs: [], unneeded: 2 });
  // Before a registry starts, which at once replaces the snapshot.
  const week = Date.now() + 7 * 24 * 3_600_000;
  t.deepEqual(await listTombstones(database, week - 3_600_000, 9), [], 'there is time to find out');
  t.is((await listTombstones(database, week, 9)).length, 2);
  const { client } = await serve(t, { blobs, database });
  t.is((await client.send('GET', `/v2/app/blobs/${layer}`)).text, 'layer');
});

test('rebuild() gives no repository a blob that it did not have, whatever its manifests name', async (t) => {
  const { blobs, database: before } = await filled(t);
  const { client } = await serve(t, { blobs, database: before });
  const secret = await pushBlob(client, 'secret', { into: 'private' });
  const late = digestOf(Buffer.from('later'));
  const config = { mediaType: mediaTypes.ociEmpty, digest: digestOf(Buffer.from('{}')), size: 2 };
  const layers = [secret, late].map((digest, index) => {
    return { mediaType: mediaTypes.ociLayer, digest, size: 6 - index };
  });
  const image = { schemaVersion: 2, mediaType: mediaTypes.ociManifest, config, layers };
  await pushManifest(client, image, { reference: 'sparse' });
  await pushManifest(client, { ...image, layers: layers.slice(0, 1) }, { into: 'private' });
  await sweepOnce(before, blobs, 1);
  await pushBlob(client, 'later');
  await sweepOnce(before, blobs, 2);
  const database = await open(t, openSqlite);
  t.like(await rebuildIn(database, blobs), { lostBlobs: [] });
  const { client: again } = await serve(t, { blobs, database });
  t.is((await again.send('GET', `/v2/app/blobs/${secret}`)).status, 404);
  t.is((await again.send('GET', `/v2/private/blobs/${secret}`)).text, 'secret');
  t.is((await again.send('GET', `/v2/app/blobs/${late}`)).text, 'later', 'what came after its manifest');
});

/** A registry in memory with everything that can be rebuilt; its storage has all notes. */
async function filled(t: ExecutionContext) {
  const stores = { blobs: new MemoryBlobStore(), database: await open(t, openSqlite) };
  const registry = await serve(t, stores);
  await fill(registry.client);
  const { headers } = await registry.client.send('HEAD', '/v2/app/manifests/v1');
  // Which notes everything, when its own first round is over.
  await registry.running.close();
  return { ...stores, v1: headers['docker-content-digest'] as Digest };
}

/** What a file system gives of a file whose place on the disk is worn out. */
function unreadable(): Readable {
  return new Readable({
    read() {
      this.destroy(Object.assign(new Error('EIO: i/o error, read'), { code: 'EIO' }));
    },
  });
}

async function open(t: ExecutionContext, openDatabase: Kind['database']) {
  const database = await openDatabase(t);
  t.teardown(() => database.close());
  return database;
}

async function keysOf(blobs: BlobStore) {
  return Array.fromAsync(blobs.list(), ({ key }) => key);
}

async function rebuildIn(database: Stores['database'], blobs: BlobStore) {
  const { signal } = new AbortController();
  return rebuild(database, blobs, { clock: Date.now, progress: () => undefined, signal });
}
