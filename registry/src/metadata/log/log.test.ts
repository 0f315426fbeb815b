import { join } from 'node:path';
import { checkProof } from '@img/sign/log/check-proof';
import { verifyCheckpoint } from '@img/sign/log/checkpoint';
import { consistencyRanges, provesConsistency } from '@img/sign/log/consistency-proof';
import { noteKey } from '@img/sign/log/note-key';
import { emptyRoot, leafHash } from '@img/sign/log/tree-hash';
import { temporaryFolder } from '@img/sign/testing/temporary-folder';
import { treeHashOf } from '@img/sign/testing/test-log';
import { parseRepositoryName } from '@img/spec/repository-name';
import test, { type ExecutionContext } from 'ava';
import { appendEntry } from '../../log/append-entry.ts';
import { makeLogKey } from '../../log/log-key.ts';
import { hashesOf, proveEntry } from '../../log/prove-entry.ts';
import type { Database } from '../database.ts';
import { SqliteDatabase } from '../sqlite-database.ts';
import { databases, openMigrated } from '../testing/databases.ts';
import { findEntry, insertEntry, listEntries } from './entries.ts';
import { findLog, insertLog, type LogRow, setPublished } from './logs.ts';

const namespace = parseRepositoryName('com.example');
const origin = 'reg.example/log/com.example';
const entryOf = (n: number) => new Uint8Array(Buffer.from(`entry ${n}`));

async function stage(t: ExecutionContext, open: (t: ExecutionContext) => Promise<Database>) {
  const database = await openMigrated(t, open);
  const signer = await makeLogKey(database, namespace, 1);
  await database.transaction((writer) =>
    insertLog(writer, { namespace, origin, isPublic: false, latest: 'nothing' }, 1),
  );
  const read = async () => (await findLog(database, [namespace])) as LogRow;
  return { database, key: noteKey('log', origin, signer.publicKey), read };
}

for (const [name, open] of databases) {
  test(`appendEntry() makes a tree in ${name} in which every entry can be proven`, async (t) => {
    const { database, key, read } = await stage(t, open);
    const known = { key, witnesses: [], requireWitnesses: 0 };
    const log = await read();
    for (let n = 0; n < 5; n += 1) t.is(await appendEntry(database, log, entryOf(n)), n);
    t.is(await appendEntry(database, log, entryOf(2)), 2, 'is there already');
    const now = await read();
    const { size, root } = verifyCheckpoint(now.checkpoint, key);
    t.is(size, 5);
    t.deepEqual(root, treeHashOf([0, 1, 2, 3, 4].map((n) => leafHash(entryOf(n)))));
    for (let n = 0; n < 5; n += 1) {
      const checked = checkProof(entryOf(n), await proveEntry(database, now, n), known);
      t.like(checked, { problem: undefined, index: n, size: 5 });
    }
  });

  test(`insertEntry() in ${name} goes on over tiles that are full`, async (t) => {
    const { database, read } = await stage(t, open);
    const { id } = await read();
    const count = 256 * 2 + 3;
    const leaves = Array.from({ length: count }, (_, n) => leafHash(entryOf(n)));
    // Around the ends of tiles the roots are compared.
    const compared = new Set([1, 255, 256, 257, 511, 512, 513, count]);
    await database.transaction(async (writer) => {
      for (let n = 0; n < count; n += 1) {
        const root = await insertEntry(writer, { log: id, size: n, entry: entryOf(n) });
        if (compared.has(n + 1)) t.deepEqual(root, treeHashOf(leaves.slice(0, n + 1)), `${n + 1} entries`);
      }
    });
    t.is(await findEntry(database, id, leafHash(entryOf(300))), 300);
    t.is(await findEntry(database, id, leafHash(entryOf(-1))), undefined);
    t.deepEqual(await listEntries(database, id, { begin: 255, end: 257 }), [entryOf(255), entryOf(256)]);
    const newer = { size: count, root: treeHashOf(leaves) };
    for (const oldSize of [0, 1, 255, 256, 257, 512, count]) {
      const older = { size: oldSize, root: oldSize === 0 ? emptyRoot : treeHashOf(leaves.slice(0, oldSize)) };
      const hashes = await hashesOf(database, id, consistencyRanges(oldSize, count), count);
      t.true(provesConsistency(older, newer, hashes), `${oldSize} to ${count}`);
    }
  });

  test(`appendEntry() gives every entry in ${name} its own place when many append at once`, async (t) => {
    const { database, read } = await stage(t, open);
    const log = await read();
    const numbers = await Promise.all(
      Array.from({ length: 12 }, (_, n) => appendEntry(database, log, entryOf(n % 10))),
    );
    t.deepEqual(
      [...new Set(numbers)].toSorted((a, b) => a - b),
      [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
    );
    const { size, checkpoint, latest } = await read();
    t.is(size, 10);
    t.is(checkpoint, latest);
  });

  test(`setPublished() in ${name} never goes back`, async (t) => {
    const { database, read } = await stage(t, open);
    const { id } = await read();
    const publish = (size: number) =>
      database.transaction((writer) => setPublished(writer, id, { size, note: `of ${size}` }));
    await publish(7);
    await publish(3);
    t.like(await read(), { published: 7, checkpoint: 'of 7' });
    t.false(
      await database.transaction((writer) =>
        insertLog(writer, { namespace, origin: 'other', isPublic: true, latest: '' }, 1),
      ),
      'a namespace has one log',
    );
  });
}

test('appendEntry() gives every entry its own place also if several processes have the same file open', async (t) => {
  const path = join(temporaryFolder(t), 'metadata.sqlite');
  const open = async () => SqliteDatabase.open(path);
  const { database, read } = await stage(t, open);
  const log = await read();
  const others = await Promise.all([open(), open()]);
  t.teardown(() => Promise.all(others.map((other) => other.close())));
  const all = [database, ...others];
  const numbers = await Promise.all(
    Array.from({ length: 15 }, (_, n) => appendEntry(all[n % all.length] as Database, log, entryOf(n))),
  );
  t.deepEqual(
    numbers.toSorted((a, b) => a - b),
    [...Array(15).keys()],
  );
  const entries = await listEntries(database, log.id, { begin: 0, end: 15 });
  for (const [n, number] of numbers.entries()) t.deepEqual(entries[number], entryOf(n));
});
