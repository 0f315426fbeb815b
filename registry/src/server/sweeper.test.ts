import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryFolder } from '@img/sign/testing/temporary-folder';
import { digestOf } from '@img/spec/digest';
import { mediaTypes } from '@img/spec/media-types';
import test, { type ExecutionContext } from 'ava';
import { pino } from 'pino';
import { SqliteDatabase } from '../metadata/sqlite-database.ts';
import { bury } from '../metadata/tombstones.ts';
import { createBlobKey, isBlobKey, kindOfKey } from '../storage/blob-key.ts';
import { emptyUpload } from '../storage/blob-store.ts';
import { FileBlobStore } from '../storage/file-blob-store.ts';
import { putBlob } from '../storage/put-blob.ts';
import { PullNotes } from './pull-notes.ts';
import { Recorder } from './recorder.ts';
import { defaultLimits } from './server-limits.ts';
import { Sweeper } from './sweeper.ts';
import { pushBlob, pushManifest, startTestRegistry } from './testing/test-registry.ts';

const hourMs = 3_600_000;
const digest = digestOf(Buffer.from('content'));
const path = `/v2/app/blobs/${digest}`;

test('an upload that nobody touches for a day is cancelled, its bytes removed', async (t) => {
  const { clock, pass, client, folder } = await start(t);
  const location = (await client.send('POST', '/v2/app/blobs/uploads/')).headers['location'] as string;
  await client.send('PATCH', location, { body: 'content' });
  clock.now += 23 * hourMs;
  await pass();
  t.is((await client.send('PATCH', location, { body: ' and more' })).status, 202, 'touched');
  clock.now += 23 * hourMs;
  await pass();
  t.is((await client.send('GET', location)).status, 204, 'a day after the touch, not after the beginning');
  clock.now += hourMs;
  await pass();
  t.is((await client.send('GET', location)).status, 404);
  t.deepEqual(await storedFiles(folder), []);
});

test('what an earlier process left behind is cleaned up at the start', async (t) => {
  const folder = temporaryFolder(t);
  const clock = { now: Date.now() };
  const first = await startTestRegistry(t, { dataFolder: folder, clock: () => clock.now });
  const location = (await first.client.send('POST', '/v2/app/blobs/uploads/')).headers['location'] as string;
  await first.client.send('PATCH', location, { body: 'content' });
  await first.running.close();
  // As if a process had died between the transaction that named these bytes surplus and their removal.
  const database = await SqliteDatabase.open(join(folder, 'metadata.sqlite'));
  const key = await putBlob(await FileBlobStore.open(join(folder, 'storage')), [Buffer.from('surplus')]);
  const state = { sizeBytes: 7, notes: '', tail: new Uint8Array() };
  await database.transaction((writer) => bury(writer, { key, state }, 1));
  await database.close();
  t.is((await storedFiles(folder)).length, 2);
  clock.now += 25 * hourMs;
  await startTestRegistry(t, { dataFolder: folder, clock: () => clock.now });
  while ((await storedFiles(folder)).length > 0);
  t.pass();
});

test('an upload that only the storage knows goes after a day', async (t) => {
  const { clock, pass, client, folder } = await start(t);
  const location = (await client.send('POST', '/v2/app/blobs/uploads/')).headers['location'] as string;
  await client.send('PATCH', location, { body: 'content' });
  // As if the database had been restored from an earlier day.
  const blobs = await FileBlobStore.open(join(folder, 'storage'));
  const appender = await blobs.append(createBlobKey(), emptyUpload);
  await appender.close();
  t.is((await storedFiles(folder)).length, 2);
  await pass();
  t.is(
    (await storedFiles(folder)).length,
    2,
    'a moment ago it may have been begun by somebody who is quicker',
  );
  clock.now += 23 * hourMs;
  t.is((await client.send('PATCH', location, { body: ' and more' })).status, 202);
  clock.now += 2 * hourMs;
  await pass();
  t.is((await storedFiles(folder)).length, 1);
  t.is((await client.send('GET', location)).status, 204, 'what the database knows stays, however old it is');
});

test('a blob that no manifest came for goes after a day', async (t) => {
  const { clock, pass, client, folder } = await start(t);
  await pushBlob(client, 'content');
  clock.now += 23 * hourMs;
  await pass();
  t.is((await client.send('GET', path)).status, 200);
  clock.now += hourMs;
  await pass();
  t.is((await client.send('GET', path)).status, 404);
  t.deepEqual(await storedFiles(folder), []);
});

test('a pusher who is told that a blob is there has a day for the manifest', async (t) => {
  const { clock, pass, client } = await start(t);
  await pushBlob(client, 'content');
  clock.now += 23 * hourMs;
  t.is((await client.send('HEAD', path)).status, 200);
  clock.now += 23 * hourMs;
  await pass();
  const layers = [{ mediaType: mediaTypes.ociLayer, digest, size: 7 }];
  const config = { mediaType: mediaTypes.ociEmpty, digest: await pushBlob(client, '{}'), size: 2 };
  const image = { schemaVersion: 2, mediaType: mediaTypes.ociManifest, config, layers };
  const { answer } = await pushManifest(client, image, { reference: 'v1' });
  t.is(answer.headers['warning'], undefined, 'nothing is missing');
  clock.now += 1000 * hourMs;
  await pass();
  t.is((await client.send('GET', path)).status, 200, 'a manifest needs it');
});

test('the blobs of a deleted manifest go after a day, those that others need never', async (t) => {
  const { clock, pass, client } = await start(t);
  const shared = { mediaType: mediaTypes.ociLayer, digest: await pushBlob(client, 'shared'), size: 6 };
  const only = { mediaType: mediaTypes.ociLayer, digest: await pushBlob(client, 'content'), size: 7 };
  const config = { mediaType: mediaTypes.ociEmpty, digest: await pushBlob(client, '{}'), size: 2 };
  const image = { schemaVersion: 2, mediaType: mediaTypes.ociManifest, config };
  await pushManifest(client, { ...image, layers: [shared] }, { reference: 'kept' });
  const { digest: gone } = await pushManifest(client, { ...image, layers: [shared, only] });
  clock.now += 100 * hourMs;
  await pass();
  await client.send('DELETE', `/v2/app/manifests/${gone}`);
  clock.now += 23 * hourMs;
  await pass();
  t.is((await client.send('GET', path)).status, 200, 'a push that counts on it may be under way');
  clock.now += hourMs;
  await pass();
  t.is((await client.send('GET', path)).status, 404);
  t.is((await client.send('GET', `/v2/app/blobs/${shared.digest}`)).status, 200);
});

test('a blob is collected from one repository without being lost to another', async (t) => {
  const { clock, pass, client } = await start(t);
  await pushBlob(client, 'content', { into: 'other' });
  clock.now += 12 * hourMs;
  t.is((await client.send('POST', `/v2/app/blobs/uploads/?mount=${digest}&from=other`)).status, 201);
  clock.now += 13 * hourMs;
  await pass();
  t.is((await client.send('GET', `/v2/other/blobs/${digest}`)).status, 404);
  t.is((await client.send('GET', path)).text, 'content');
});

/** A registry with a clock that the test sets, and a sweeper beside it as another process would have one. */
async function start(t: ExecutionContext) {
  const clock = { now: Date.now() };
  const registry = await startTestRegistry(t, { clock: () => clock.now });
  const database = await SqliteDatabase.open(join(registry.folder, 'metadata.sqlite'));
  t.teardown(() => database.close());
  const shared = {
    database,
    blobs: await FileBlobStore.open(join(registry.folder, 'storage')),
    limits: defaultLimits,
    log: pino({ enabled: false }),
    clock: () => clock.now,
  };
  const pulls = new PullNotes(shared);
  const sweeper = new Sweeper({ ...shared, pulls, recorder: new Recorder(shared) });
  return { ...registry, clock, pass: () => sweeper.sweep() };
}

/** What the registry notes for itself comes when it may. */
function isNote(name: string): boolean {
  return isBlobKey(name) && kindOfKey(name) !== 'blob';
}

async function storedFiles(folder: string): Promise<readonly string[]> {
  const files = await readdir(join(folder, 'storage'), { recursive: true, withFileTypes: true });
  return files.filter((file) => file.isFile() && !isNote(file.name)).map(({ name }) => name);
}
