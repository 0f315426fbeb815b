import { randomUUID } from 'node:crypto';
import test from 'ava';
import type { Database } from './database.ts';
import { MetadataError } from './metadata-error.ts';
import { beginUpload, otherRepository, token } from './testing/content.ts';
import { databases, openMigrated } from './testing/databases.ts';
import { listTombstones } from './tombstones.ts';
import {
  cancelUpload,
  endUpload,
  findUpload,
  listStaleUploads,
  lockUpload,
  saveUpload,
  type UploadLock,
  unlockUpload,
} from './uploads.ts';
import { findAdministrator, findUser, putUser } from './users.ts';

const state = { sizeBytes: 7, notes: 'part 1', tail: Uint8Array.from([1, 2]) };

for (const [name, open] of databases) {
  const title = (text: string) => `${name}: ${text}`;

  test(title('an upload is found by its own repository and owner only'), async (t) => {
    const database = await openMigrated(t, open);
    const upload = await beginUpload(database, 'text');
    t.deepEqual(await findUpload(database, upload), upload);
    t.is(await findUpload(database, { ...upload, owner: 'mallory' }), undefined);
    t.is(await findUpload(database, { ...upload, repository: otherRepository }), undefined);
    t.is(await findUpload(database, { ...upload, id: randomUUID() }), undefined);
  });

  test(title('the state of an upload comes back as it was saved'), async (t) => {
    const database = await openMigrated(t, open);
    const upload = await beginUpload(database, 'text');
    await database.transaction((writer) => saveUpload(writer, upload.id, state, lock(10)));
    t.deepEqual((await findUpload(database, upload))?.state, state);
  });

  test(title('one process has the lock until it gives it back or its time is over'), async (t) => {
    const database = await openMigrated(t, open);
    const { id } = await beginUpload(database, 'text');
    const take = (by: UploadLock) => database.transaction((writer) => lockUpload(writer, id, by));
    t.true(await take(lock(10)), 'its own lock can be prolonged');
    t.false(await take({ ...lock(11), token: 'process-2' }), 'nobody else gets it');
    await database.transaction((writer) => unlockUpload(writer, id, 'process-2'));
    t.false(await take({ ...lock(12), token: 'process-2' }), 'nor gives it back for another');
    await database.transaction((writer) => unlockUpload(writer, id, token));
    t.true(await take({ ...lock(13), token: 'process-2' }), 'given back');
    t.true(await take(lock(1013)), 'expired');
    t.false(await take({ ...lock(1014), token: 'process-2' }), "now it is the first one's again");
  });

  test(title('lockUpload() of an upload that is over is false'), async (t) => {
    const database = await openMigrated(t, open);
    const { id } = await beginUpload(database, 'text');
    await database.transaction((writer) => endUpload(writer, id, token));
    t.false(await database.transaction((writer) => lockUpload(writer, id, lock(10))));
  });

  test(title('whoever lost the lock can neither save nor end nor cancel'), async (t) => {
    const database = await openMigrated(t, open);
    const upload = await beginUpload(database, 'text');
    const late = { ...lock(10), token: 'process-2' };
    for (const work of [
      (writer: Parameters<typeof saveUpload>[0]) => saveUpload(writer, upload.id, state, late),
      (writer: Parameters<typeof saveUpload>[0]) => endUpload(writer, upload.id, late.token),
      (writer: Parameters<typeof saveUpload>[0]) => cancelUpload(writer, upload, late),
    ]) {
      const error = await t.throwsAsync(database.transaction(work), { instanceOf: MetadataError });
      t.is(error?.code, 'UPLOAD_TAKEN');
    }
    t.deepEqual(await findUpload(database, upload), upload);
    t.deepEqual(await listTombstones(database, Number.MAX_SAFE_INTEGER, 9), []);
  });

  test(title('cancelUpload() buries what was stored'), async (t) => {
    const database = await openMigrated(t, open);
    const upload = { ...(await beginUpload(database, 'text')), state: { ...state, tail: new Uint8Array() } };
    await database.transaction((writer) => cancelUpload(writer, upload, lock(10)));
    t.is(await findUpload(database, upload), undefined);
    t.deepEqual(await listTombstones(database, Number.MAX_SAFE_INTEGER, 9), [
      { key: upload.key, state: upload.state },
    ]);
  });

  test(title('listStaleUploads() finds what nobody touched or has locked, oldest first'), async (t) => {
    const database = await openMigrated(t, open);
    const uploads = [];
    for (const now of [30, 10, 20]) {
      const upload = await beginUpload(database, 'text');
      await database.transaction((writer) => saveUpload(writer, upload.id, upload.state, lock(now)));
      uploads.push(upload.id);
    }
    const [late, early, middle] = uploads;
    t.deepEqual(await stale(database, 25, 100), [], 'all are locked');
    t.deepEqual(await stale(database, 25, 5000), [early, middle], 'the locks are over');
    t.deepEqual(await stale(database, 30, 5000), [early, middle, late]);
  });

  test(title('putUser() makes a user and replaces the password'), async (t) => {
    const database = await openMigrated(t, open);
    const put = (user: { name: string; password_hash: string; is_administrator: number }) =>
      database.transaction((writer) => putUser(writer, user, 1));
    await put({ name: 'bob', password_hash: 'x', is_administrator: 0 });
    t.is(await findAdministrator(database, 'bob'), undefined);
    await put({ name: 'alice', password_hash: 'a', is_administrator: 1 });
    await put({ name: 'carol', password_hash: 'c', is_administrator: 1 });
    t.is(await findAdministrator(database, 'carol'), 'carol', 'the preferred one');
    t.is(await findAdministrator(database, 'bob'), 'alice', 'the first one');
    await put({ name: 'alice', password_hash: 'b', is_administrator: 1 });
    t.like(await findUser(database, 'alice'), { name: 'alice', password_hash: 'b', is_administrator: 1 });
    t.is(await findUser(database, 'Alice'), undefined);
  });
}

function lock(now: number): UploadLock {
  return { token, now, until: now + 1000 };
}

async function stale(database: Database, untouchedSince: number, now: number) {
  return (await listStaleUploads(database, { untouchedSince, now, limit: 9 })).map(({ id }) => id);
}
