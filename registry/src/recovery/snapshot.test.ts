import { gunzipSync, gzipSync } from 'node:zlib';
import { digestOf } from '@img/spec/digest';
import { parseManifest } from '@img/spec/manifest';
import { mediaTypes } from '@img/spec/media-types';
import { parseRepositoryName } from '@img/spec/repository-name';
import { parseTag } from '@img/spec/tag';
import test from 'ava';
import type { Database, Row } from '../metadata/database.ts';
import { notePulls } from '../metadata/manifests.ts';
import { putManifest } from '../metadata/put-manifest.ts';
import { databases, openMigrated } from '../metadata/testing/databases.ts';
import { MemoryBlobStore } from '../storage/memory-blob-store.ts';
import { putBlob } from '../storage/put-blob.ts';
import { restoreSnapshot } from './restore-snapshot.ts';
import { checkSnapshot, encodeSnapshot, readSnapshot } from './snapshot.ts';
import { snapshotTables } from './snapshot-tables.ts';

const bytes = Buffer.from(
  JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [] }),
);
const digest = digestOf(bytes);
const put = { digest, manifest: parseManifest(bytes), bytes };
const { signal } = new AbortController();

for (const [name, open] of databases) {
  test(`${name}: a snapshot that is put back has every row of every table`, async (t) => {
    const first = await openMigrated(t, open);
    await putContent(first, ['v1', 'v2']);
    await putRows(first);
    const blobs = new MemoryBlobStore();
    const key = await putBlob(blobs, encodeSnapshot(first, 17));
    t.is(await checkSnapshot(await blobs.get(key)), 17);
    const second = await openMigrated(t, open);
    await putContent(second, []);
    const { lostTags, logs } = await restoreSnapshot(second, blobs, { key, begunAt: 17 }, signal);
    t.deepEqual([lostTags, logs], [[], ['com.example']]);
    for (const table of snapshotTables.filter(({ insert }) => insert !== undefined)) {
      const before = await rowsOf(first, table);
      t.true(before.length > 0, `${table.name} has a row in this test`);
      t.deepEqual(await rowsOf(second, table), before, table.name);
    }
  });

  test(`${name}: what a snapshot has twice, or of something that is lost, is passed over`, async (t) => {
    const first = await openMigrated(t, open);
    await putContent(first, ['v1']);
    await putRows(first);
    const blobs = new MemoryBlobStore();
    const key = await putBlob(blobs, encodeSnapshot(first, 17));
    const second = await openMigrated(t, open);
    const { lostTags } = await restoreSnapshot(second, blobs, { key, begunAt: 17 }, signal);
    t.deepEqual(lostTags, ['app:v1'], 'its manifest is not there');
    t.is((await second.all('SELECT name FROM users')).length, 1);
  });

  test(`${name}: a snapshot is read in pages`, async (t) => {
    const database = await openMigrated(t, open);
    const tags = Array.from({ length: 2500 }, (_, number) => `v${number}`);
    await putContent(database, tags);
    const rows = await Array.fromAsync(readSnapshot(encodeSnapshot(database, 1)));
    const found = rows.filter(({ table }) => table.name === 'tag').map(({ values }) => values[1]);
    t.deepEqual(found, tags.toSorted());
  });
}

const line = (value: object) => `${JSON.stringify(value)}\n`;
const begin = line({ format: 'img-registry-snapshot/1', begunAt: 1 });
const damages: readonly (readonly [content: string | Buffer, reason: string])[] = [
  ['', 'empty'],
  [begin, 'without an end'],
  [begin + line({ rows: 1 }), 'a row too few'],
  [line({ rows: 0 }), 'without a beginning'],
  [begin + line({ rows: 0 }) + line({ rows: 0 }), 'with something behind its end'],
  [begin + begin + line({ rows: 0 }), 'begun twice'],
  [begin.replace('/1', '/2') + line({ rows: 0 }), 'of another version'],
  [`${begin}{"rows":0}`, 'cut off within its last line'],
  [`${begin}nonsense\n${line({ rows: 0 })}`, 'not JSON'],
  [`${begin}null\n${line({ rows: 0 })}`, 'JSON of another kind'],
  [begin.replace(':1}', ':"1"}') + line({ rows: 0 }), 'begun at no time'],
  [begin + line({ table: 'user' }) + line({ rows: 1 }), 'without the values of a row'],
  [begin + line({}) + line({ rows: 0 }), 'with a line that says nothing'],
];

for (const [content, reason] of damages) {
  test(`checkSnapshot() refuses a snapshot that is ${reason}`, async (t) => {
    await t.throwsAsync(checkSnapshot(of(gzipSync(content))), { code: 'CONTENT_CORRUPT' });
  });
}

test('checkSnapshot() refuses a snapshot of which any byte has changed or is missing', async (t) => {
  const whole = gzipSync(begin + line({ rows: 0 }));
  t.is(await checkSnapshot(of(whole)), 1);
  for (let at = 0; at < whole.byteLength; at += 1) {
    const changed = Buffer.from(whole);
    changed[at] = (changed[at] as number) ^ 0x04;
    // Of the head of gzip, some bits mean nothing.
    const isSame = await checkSnapshot(of(changed)).then(
      () => gunzipSync(changed).equals(gunzipSync(whole)),
      () => true,
    );
    t.true(isSame, `byte ${at}`);
    await t.throwsAsync(checkSnapshot(of(whole.subarray(0, at))), undefined, `${at} bytes`);
  }
});

async function* of(content: Uint8Array): AsyncGenerator<Uint8Array> {
  yield content;
}

async function putContent(database: Database, tags: readonly string[]): Promise<void> {
  const repository = parseRepositoryName('app');
  await database.transaction(async (writer) => {
    await putManifest(writer, { ...put, repository, tags: tags.map(parseTag) }, { actor: 'root', now: 5 });
  });
}

/** A row of everything else that a snapshot keeps. */
async function putRows(database: Database): Promise<void> {
  await database.transaction(async (writer) => {
    await writer.run(
      "INSERT INTO users (name, password_hash, is_administrator, created_at) VALUES ('root', 'x', 1, 2)",
    );
    await writer.run("INSERT INTO organisations (name, created_at) VALUES ('com.example', 3)");
    await writer.run(
      "INSERT INTO members (organisation_id, user_id, role, created_at) VALUES (1, 1, 'admin', 4)",
    );
    await writer.run(
      `INSERT INTO robots (organisation_id, name, role, token_hash, created_by, created_at, expires_at)
        VALUES (1, 'ci', 'read', 'hash', 'root', 5, 6)`,
    );
    await writer.run("INSERT INTO public_repositories (name, created_at) VALUES ('app', 7)");
    await writer.run(
      "INSERT INTO account_events (at, actor, action, subject) VALUES (8, 'root', 'add ''x''', 'ü')",
    );
    await writer.run(
      "INSERT INTO retention_policies (kind, name, policy, run_at) VALUES ('repository', 'app', '{}', 9)",
    );
    await writer.run(
      "INSERT INTO admission_rules (name, document, digest, set_by, set_at) VALUES ('app', $1, 'd', 'root', 10)",
      new Uint8Array([0, 255, 128]),
    );
    await writer.run(
      `INSERT INTO admissions (repository_id, tag, digest, sequence, rule, summary, admitted_at)
        VALUES (1, 'v1', 'd', NULL, 'r', 's', 11)`,
    );
    await writer.run(
      `INSERT INTO logs (namespace, origin, is_public, size, latest, published, checkpoint, created_at)
        VALUES ('com.example', 'o', 1, 0, 'l', 0, 'c', 12)`,
    );
    await notePulls(writer, new Map([[1, 13]]));
  });
}

async function rowsOf(
  database: Database,
  { columns, from, where = '1 = 1', order }: (typeof snapshotTables)[0],
) {
  const selected = columns.map(([name, expression]) => `${expression} AS "${name}"`).join(', ');
  const rows = await database.all<Row>(
    `SELECT ${selected} FROM ${from} WHERE ${where} ORDER BY ${order.join(', ')}`,
  );
  return rows.map((row) => ({ ...row }));
}
