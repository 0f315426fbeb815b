/**
 * Appends entries to the log of com.example in a process of its own, for tests of several at once:
 * `append-child.ts <JSON of an SQLite path or a PostgreSQL location> <first> <count>`. Writes where each entry is to
 * stdout, as one JSON array.
 */
import { parseRepositoryName } from '@img/spec/repository-name';
import { findLog } from '../../metadata/log/logs.ts';
import { PostgresDatabase } from '../../metadata/postgres/postgres-database.ts';
import type { PostgresLocation } from '../../metadata/postgres/postgres-location.ts';
import { SqliteDatabase } from '../../metadata/sqlite-database.ts';
import { appendEntry } from '../append-entry.ts';

const [place = '""', first = '0', count = '0'] = process.argv.slice(2);
const location = JSON.parse(place) as string | PostgresLocation;
const database =
  typeof location === 'string' ? await SqliteDatabase.open(location) : await PostgresDatabase.open(location);
const log = await findLog(database, [parseRepositoryName('com.example')]);
if (log === undefined) throw new Error('there is no log of com.example');
const places: number[] = [];
for (let n = Number(first); n < Number(first) + Number(count); n += 1) {
  places.push(await appendEntry(database, log, new Uint8Array(Buffer.from(`entry ${n}`))));
}
await database.close();
process.stdout.write(JSON.stringify(places));
