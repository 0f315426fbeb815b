import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryFolder } from '@img/sign/testing/temporary-folder';
import { digestOf } from '@img/spec/digest';
import { mediaTypes } from '@img/spec/media-types';
import test, { type ExecutionContext } from 'ava';
import { SqliteDatabase } from '../metadata/sqlite-database.ts';
import { listTombstones } from '../metadata/tombstones.ts';
import { sweepOnce } from '../server/testing/sweep-once.ts';
import { pushBlob, pushManifest, startTestRegistry } from '../server/testing/test-registry.ts';
import type { BlobKey } from '../storage/blob-key.ts';
import { FileBlobStore } from '../storage/file-blob-store.ts';
import { MemoryBlobStore } from '../storage/memory-blob-store.ts';
import { putBlob } from '../storage/put-blob.ts';
import { type ScrubOptions, scrub } from './scrub.ts';
import { scrubWhenDue } from './scrub-when-due.ts';

/** A registry with blobs of these contents, and its parts as another process has them. */
async function start(t: ExecutionContext, contents: readonly string[]) {
  const registry = await startTestRegistry(t);
  for (const content of contents) await pushBlob(registry.client, content);
  const database = await SqliteDatabase.open(join(registry.folder, 'metadata.sqlite'));
  t.teardown(() => database.close());
  const blobs = await FileBlobStore.open(join(registry.folder, 'storage'));
  const pass = async (isRepair = false) => {
    const { signal } = new AbortController();
    const found = await Array.fromAsync(
      scrub(database, blobs, { forgets: () => isRepair, clock: Date.now, signal }),
    );
    return found.map(({ digest, state, repositories }) => [digest, state, repositories.join()]);
  };
  return { ...registry, pass };
}

/** The file in which a content is stored. */
async function fileOf(folder: string, content: string): Promise<string> {
  const entries = await readdir(join(folder, 'storage'), { recursive: true, withFileTypes: true });
  for (const entry of entries.filter((found) => found.isFile())) {
    const path = join(entry.parentPath, entry.name);
    if ((await readFile(path, 'utf8')) === content) return path;
  }
  throw new Error(`nothing stored is ${content}`);
}

const contents = ['sound', 'changed', 'shorter', 'longer', 'lost'] as const;
const digests = contents.map((content) => digestOf(Buffer.from(content)));

test('scrub() finds what is lost or has other bytes, and says who has it', async (t) => {
  const { folder, pass } = await start(t, contents);
  t.deepEqual(
    await pass(),
    digests.map((digest) => [digest, 'sound', '']),
  );
  await writeFile(await fileOf(folder, 'changed'), 'chANged');
  await writeFile(await fileOf(folder, 'shorter'), 'short');
  await writeFile(await fileOf(folder, 'longer'), 'longer and longer');
  await rm(await fileOf(folder, 'lost'));
  const expected = ['sound', 'damaged', 'damaged', 'damaged', 'lost'].map((state, index) => {
    return [digests[index], state, state === 'sound' ? '' : 'app'];
  });
  t.deepEqual(await pass(), expected);
  t.deepEqual(await pass(), expected, 'looking changes nothing');
});

test('what scrub() forgets is asked for again, and is sound then', async (t) => {
  const { folder, pass, client } = await start(t, ['changed']);
  await writeFile(await fileOf(folder, 'changed'), 'chANged');
  const digest = digestOf(Buffer.from('changed'));
  await pass(true);
  t.is((await client.send('HEAD', `/v2/app/blobs/${digest}`)).status, 404);
  await pushBlob(client, 'changed');
  t.is((await client.send('GET', `/v2/app/blobs/${digest}`)).text, 'changed');
  t.deepEqual(await pass(), [[digest, 'sound', '']]);
});

test('scrub() reads the notes of manifests, too, and lets bad ones be written again', async (t) => {
  const { stores, notes } = await noted(t);
  const { blobs } = stores;
  await blobs.delete(notes.slice(0, 2));
  await putBlob(blobs, [Buffer.from('{}')], notes[0] as BlobKey);
  const states = async (isRepair: boolean) =>
    (await read(stores, { forgets: () => isRepair })).map(
      ({ position, state }) => `${position.kind} ${state}`,
    );
  const expected = ['blob sound', 'note damaged', 'note lost', 'note sound'];
  t.deepEqual(await states(false), expected);
  t.deepEqual(await states(true), expected);
  await sweepOnce(stores.database, blobs, 1);
  t.deepEqual(await states(false), ['blob sound', 'note sound', 'note sound', 'note sound']);
});

test('scrub() takes what the disk can not read for damaged, and goes on', async (t) => {
  const { stores } = await noted(t);
  const { blobs } = stores;
  blobs.get = async () => {
    throw Object.assign(new Error('EIO: i/o error, read'), { code: 'EIO' });
  };
  const states = (await read(stores, {})).map(({ position, state }) => `${position.kind} ${state}`);
  t.deepEqual(states, ['blob damaged', 'note damaged', 'note damaged', 'note damaged']);
});

test('scrub() goes on behind a position', async (t) => {
  const { stores } = await noted(t);
  const all = await read(stores, {});
  for (const [index, { position: after }] of all.entries()) {
    t.deepEqual(await read(stores, { after }), all.slice(index + 1));
  }
});

test('one of many processes scrubs when it is time, and another goes on where it stopped', async (t) => {
  const { stores } = await noted(t);
  const clock = { now: 1_000_000 };
  const everyMs = 1_000_000_000;
  const seen: string[] = [];
  const pass = (stop?: AbortController, meanwhile?: () => Promise<void>): Promise<unknown> =>
    scrubWhenDue(stores.database, stores.blobs, {
      schedule: { everyMs, bytesPerSecond: 2 },
      clock: () => clock.now,
      pause: async (milliseconds) => {
        clock.now += milliseconds;
        await meanwhile?.();
      },
      onRead: ({ position }) => {
        seen.push(`${position.kind} ${position.id}`);
        stop?.abort();
      },
      signal: (stop ?? new AbortController()).signal,
    });
  const startedAt = clock.now;
  await t.throwsAsync(pass(new AbortController()), { name: 'AbortError' });
  t.deepEqual(seen, ['blob 1']);
  const nobody = async () => {
    t.is(await pass(), undefined, 'one is at it');
  };
  t.deepEqual(await pass(undefined, nobody), { end: 'done', read: 4, bad: 0 });
  t.deepEqual(seen, ['blob 1', 'note 1', 'note 2', 'note 3']);
  t.true(clock.now - startedAt > 500_000, 'slowly');
  clock.now = startedAt + everyMs - 1;
  t.is(await pass(), undefined, 'not yet');
  clock.now += 1;
  t.like(await pass(), { end: 'done', read: 4 });
});

test('a scheduled scrub forgets what is damaged, and gives up where everything is', async (t) => {
  const database = await SqliteDatabase.open(join(temporaryFolder(t), 'metadata.sqlite'));
  t.teardown(() => database.close());
  const blobs = new MemoryBlobStore();
  const { client } = await startTestRegistry(t, { database, blobs });
  for (let number = 0; number < 30; number += 1) await pushBlob(client, `content ${number}`);
  await blobs.delete(await Array.fromAsync(blobs.list(), ({ key }) => key));
  const { signal } = new AbortController();
  const options = {
    schedule: { everyMs: 1000, bytesPerSecond: 1e9 },
    clock: Date.now,
    pause: async () => undefined,
    onRead: () => undefined,
    signal,
  };
  t.deepEqual(await scrubWhenDue(database, blobs, options), { end: 'given up', read: 11, bad: 11 });
  t.is((await database.all('SELECT id FROM blobs')).length, 20);
  t.deepEqual(await listTombstones(database, Date.now() + 6 * 86_400_000, 99), [], 'bytes stay for a week');
});

/** A registry in memory that has noted three manifests, with their one blob. */
async function noted(t: ExecutionContext) {
  const database = await SqliteDatabase.open(join(temporaryFolder(t), 'metadata.sqlite'));
  t.teardown(() => database.close());
  const blobs = new MemoryBlobStore();
  const { client } = await startTestRegistry(t, {
    database,
    blobs,
    limits: { recordMs: 3_600_000, sweepMs: 3_600_000 },
  });
  const config = { mediaType: mediaTypes.ociEmpty, digest: await pushBlob(client, '{}'), size: 2 };
  const image = { schemaVersion: 2, mediaType: mediaTypes.ociManifest, config, layers: [] };
  for (const number of ['1', '2', '3']) await pushManifest(client, { ...image, annotations: { number } });
  await sweepOnce(database, blobs, 1);
  const rows = await database.all<{ key: BlobKey }>('SELECT key FROM manifest_records ORDER BY manifest_id');
  return { stores: { database, blobs }, notes: rows.map(({ key }) => key) };
}

async function read(
  { database, blobs }: Awaited<ReturnType<typeof noted>>['stores'],
  options: Partial<ScrubOptions>,
) {
  const { signal } = new AbortController();
  return Array.fromAsync(
    scrub(database, blobs, { forgets: () => false, clock: Date.now, signal, ...options }),
  );
}
