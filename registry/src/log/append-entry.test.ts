import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { checkProof } from '@img/sign/log/check-proof';
import { verifyCheckpoint } from '@img/sign/log/checkpoint';
import { noteKey } from '@img/sign/log/note-key';
import { temporaryFolder } from '@img/sign/testing/temporary-folder';
import { parseRepositoryName } from '@img/spec/repository-name';
import test, { type ExecutionContext } from 'ava';
import type { Database } from '../metadata/database.ts';
import { listEntries } from '../metadata/log/entries.ts';
import { findLog, insertLog } from '../metadata/log/logs.ts';
import { PostgresDatabase } from '../metadata/postgres/postgres-database.ts';
import type { PostgresLocation } from '../metadata/postgres/postgres-location.ts';
import { SqliteDatabase } from '../metadata/sqlite-database.ts';
import { openMigrated } from '../metadata/testing/databases.ts';
import { postgresServers } from '../metadata/testing/postgres-servers.ts';
import { makeLogKey } from './log-key.ts';
import { proveEntry } from './prove-entry.ts';

const namespace = parseRepositoryName('com.example');
const origin = 'reg.example/log/com.example';
const child = fileURLToPath(new URL('testing/append-child.ts', import.meta.url));
const run = promisify(execFile);

/** Where a database is, as a process of its own needs it, and how it is opened here. */
type Place = { readonly location: string | PostgresLocation; open(): Promise<Database> };

const places: readonly (readonly [name: string, place: (t: ExecutionContext) => Promise<Place>])[] = [
  [
    'sqlite',
    async (t) => {
      const location = join(temporaryFolder(t), 'metadata.sqlite');
      return { location, open: async () => SqliteDatabase.open(location) };
    },
  ],
  ...postgresServers().map(({ name, database }) => {
    const place = async () => {
      const location = await database();
      return { location, open: () => PostgresDatabase.open(location) };
    };
    return [name, place] as const;
  }),
];

for (const [name, placeFor] of places) {
  test(`appendEntry() of several processes at once gives every entry in ${name} one place and a proof`, async (t) => {
    const { location, open } = await placeFor(t);
    const database = await openMigrated(t, open);
    const signer = await makeLogKey(database, namespace, 1);
    await database.transaction((writer) =>
      insertLog(writer, { namespace, origin, isPublic: false, latest: 'nothing' }, 1),
    );
    // They overlap, so that some entries are added by two.
    const shares = [0, 6, 12].map((first) => [String(first), '10']);
    const numbers = await Promise.all(
      shares.map(async (share) => {
        const { stdout } = await run(process.execPath, [child, JSON.stringify(location), ...share]);
        return JSON.parse(stdout) as readonly number[];
      }),
    );
    const log = await findLog(database, [namespace]);
    if (log === undefined) return t.fail('the log is gone');
    const key = noteKey('log', origin, signer.publicKey);
    t.is(verifyCheckpoint(log.checkpoint, key).size, 22);
    const entries = await listEntries(database, log.id, { begin: 0, end: log.size });
    t.is(new Set(entries.map((entry) => Buffer.from(entry).toString())).size, 22);
    for (const [at, share] of numbers.entries()) {
      for (const [offset, number] of share.entries()) {
        const entry = Buffer.from(`entry ${at * 6 + offset}`);
        t.true(entry.equals(entries[number] ?? new Uint8Array()));
        const proof = await proveEntry(database, log, number);
        const known = { key, witnesses: [], requireWitnesses: 0 };
        t.like(checkProof(entry, proof, known), { problem: undefined, index: number });
      }
    }
  });
}
