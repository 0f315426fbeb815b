import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { collectUnneededBlobs } from '../collect-unneeded-blobs.ts';
import { type Database, ofOneRow } from '../database.ts';
import { takeDueLinks } from '../links.ts';
import { MetadataError } from '../metadata-error.ts';
import { migrate } from '../migrate.ts';
import { migrations } from '../migrations.ts';
import { beginUpload, hourMs, pushBlob, token } from '../testing/content.ts';
import { postgresServers } from '../testing/postgres-servers.ts';
import { listTombstones } from '../tombstones.ts';
import { findUpload, saveUpload } from '../uploads.ts';
import { PostgresDatabase } from './postgres-database.ts';
import { type PostgresLocation, parsePostgresLocation } from './postgres-location.ts';

for (const { name, database: createDatabase, certificate, cutConnections } of postgresServers()) {
  const title = (text: string) => `${name}: ${text}`;

  test(title('several processes migrate an empty database at once'), async (t) => {
    const location = await createDatabase();
    const processes = await Promise.all([1, 2, 3, 4].map(() => open(t, location)));
    await Promise.all(processes.map((database, now) => migrate(database, { now })));
    t.is(await count(processes[0] as Database, 'migrations'), migrations.length);
    t.is(await count(processes[3] as Database, 'tags'), 0);
  });

  test(title('what two transactions read and write counts as if one came after the other'), async (t) => {
    const location = await createDatabase();
    const [first, second] = [await withTable(await open(t, location)), await open(t, location)];
    // Neither changes what the other one read: only serializable transactions see that both can't be true.
    await Promise.all(
      Array.from({ length: 40 }, (_, index) =>
        (index % 2 === 0 ? first : second).transaction(async (writer) => {
          const sum = await count(writer, 'things');
          await writer.run('INSERT INTO things (id, name) VALUES ($1, $2)', index, String(sum));
        }),
      ),
    );
    const rows = await first.all<{ name: string }>('SELECT name FROM things');
    const sums = rows.map((row) => Number(row.name)).toSorted((a, b) => a - b);
    t.deepEqual(
      sums,
      Array.from({ length: 40 }, (_, index) => index),
    );
  });

  test(title("many uploads at once are noted without getting into each other's way"), async (t) => {
    const location = await createDatabase();
    const [first, second] = [await open(t, location), await open(t, location)];
    await migrate(first, { now: 0 });
    const uploads = await Promise.all(
      Array.from({ length: 16 }, (_, index) => beginUpload(first, `${index}`)),
    );
    const attempts = { count: 0 };
    await Promise.all(
      uploads.map(async ({ id }, lane) => {
        for (let now = 1; now <= 20; now += 1) {
          const tail = new Uint8Array(1000).fill(now);
          await (lane % 2 === 0 ? first : second).transaction((writer) => {
            attempts.count += 1;
            return saveUpload(writer, id, { sizeBytes: now, notes: '', tail }, { token, now, until: 1000 });
          }, ofOneRow);
        }
      }),
    );
    t.is(attempts.count, 16 * 20, 'each was run once');
    for (const upload of uploads) t.is((await findUpload(first, upload))?.state.sizeBytes, 20);
  });

  test(
    title('who changes a row without isolation waits for the others and sees what they did'),
    async (t) => {
      const location = await createDatabase();
      const [first, second] = [await withTable(await open(t, location)), await open(t, location)];
      await first.transaction((writer) => writer.run("INSERT INTO things (id, name) VALUES (1, '0')"));
      const increment = 'UPDATE things SET name = CAST(CAST(name AS INTEGER) + 1 AS TEXT) WHERE id = 1';
      await Promise.all(
        Array.from({ length: 60 }, (_, index) =>
          (index % 2 === 0 ? first : second).transaction((writer) => writer.run(increment), {
            isolated: index % 3 === 0,
          }),
        ),
      );
      t.is((await first.get<{ name: string }>('SELECT name FROM things'))?.name, '60');
    },
  );

  test(title('takeDueLinks() leaves out what another process works on'), async (t) => {
    const location = await createDatabase();
    const [first, second] = [await open(t, location), await open(t, location)];
    await migrate(first, { now: 0 });
    for (const text of ['a', 'b', 'c']) await pushBlob(first, text, { now: 0 });
    await first.transaction(async (writer) => {
      t.is((await takeDueLinks(writer, hourMs, 2)).length, 2);
      t.is((await second.transaction((other) => takeDueLinks(other, hourMs, 9))).length, 1);
    });
    await Promise.all(
      [first, second, first, second].map((database) =>
        database.transaction((writer) => collectUnneededBlobs(writer, hourMs, 9)),
      ),
    );
    t.is((await listTombstones(first, Number.MAX_SAFE_INTEGER, 9)).length, 3, 'each is buried once');
  });

  test(title('only durable transactions wait for the disk'), async (t) => {
    const database = await open(t, await createDatabase());
    const wait = (durable?: boolean) =>
      database.transaction(
        (writer) => writer.get<{ value: string }>("SELECT current_setting('synchronous_commit') AS value"),
        durable === undefined ? {} : { durable },
      );
    t.is((await wait())?.value, 'on');
    t.is((await wait(false))?.value, 'off');
    t.is((await wait())?.value, 'on');
  });

  // Alone, so that none of two hundred waits for one of the four connections until it gives up.
  test.serial(title('connections that break lose nothing, and reading does not notice'), async (t) => {
    const location = await createDatabase({ parameters: '?connections=4' });
    const database = await withTable(await open(t, location));
    let confirmed = 0;
    let unknown = 0;
    const writing = Promise.all(
      Array.from({ length: 200 }, async (_, id) => {
        try {
          await database.transaction((writer) =>
            writer.run("INSERT INTO things (id, name) VALUES ($1, 'x')", id),
          );
          confirmed += 1;
        } catch (error) {
          t.is((error as MetadataError).code, 'DATABASE_UNREACHABLE');
          unknown += 1;
        }
      }),
    );
    for (let round = 0; round < 5; round += 1) {
      await cutConnections(location);
      t.is((await database.get<{ one: number }>('SELECT 1 AS one'))?.one, 1);
    }
    await writing;
    const stored = (await count(database, 'things')) ?? 0;
    t.true(stored >= confirmed && stored <= confirmed + unknown, `${confirmed} + ${unknown}: ${stored}`);
    t.true(confirmed > 100);
  });

  test(title('connections are encrypted, and the certificate is checked for the address'), async (t) => {
    const location = await createDatabase();
    const caFile = await certificate();
    const isEncrypted = async (more: Partial<PostgresLocation>) => {
      const database = await open(t, { ...location, ...more });
      const question = 'SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()';
      return (await database.get<{ ssl: never }>(question))?.ssl;
    };
    t.true(await isEncrypted({ tls: 'verify-full', caFile }));
    t.true(await isEncrypted({ tls: 'require' }));
    t.false(await isEncrypted({ tls: 'disable' }));
    const cases = [
      [{ tls: 'verify-full' }, /self-signed certificate/, 'nobody vouches for it'],
      [{ tls: 'verify-full', caFile, host: 'localhost' }, /does not match certificate/, 'of another name'],
    ] as const;
    for (const [more, message, reason] of cases) {
      const opening = PostgresDatabase.open({ ...location, ...more });
      const error = await t.throwsAsync(opening, { instanceOf: MetadataError, message }, reason);
      t.is(error?.code, 'DATABASE_REFUSED', reason);
      t.regex(error?.hint ?? '', /sslrootcert/, reason);
    }
  });

  test(title('a start with wrong settings says what was tried'), async (t) => {
    const location = await createDatabase();
    const unencrypted = createServer((socket) => socket.once('data', () => socket.end('N'))).listen(0);
    await once(unencrypted, 'listening');
    t.teardown(() => unencrypted.close());
    const { port: unencryptedPort } = unencrypted.address() as AddressInfo;
    const sqlAscii = "ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0";
    const cases = [
      [{ ...location, port: 1 }, 'DATABASE_UNREACHABLE', /test_\d+ of tester on 127\.0\.0\.1:1/, 'no server'],
      [{ ...location, host: 'no.such.host.invalid' }, 'DATABASE_UNREACHABLE', /no\.such\.host/, 'no host'],
      [{ ...location, host: '/no/such/folder' }, 'DATABASE_UNREACHABLE', /ENOENT/, 'no socket'],
      [{ ...location, database: 'missing' }, 'DATABASE_REFUSED', /"missing" does not exist/, 'no database'],
      [{ ...location, password: 'wrong' }, 'DATABASE_REFUSED', /password authentication failed/, 'password'],
      [{ ...location, user: 'mallory' }, 'DATABASE_REFUSED', /password authentication failed/, 'no user'],
      [
        { ...location, tls: 'verify-full', port: unencryptedPort },
        'DATABASE_REFUSED',
        /does not support SSL/,
        'no TLS',
      ],
      [await createDatabase({ create: sqlAscii }), 'DATABASE_REFUSED', /SQL_ASCII, not UTF8/, 'encoding'],
    ] as const;
    for (const [wrong, code, message, reason] of cases) {
      const error = await t.throwsAsync(
        PostgresDatabase.open(wrong),
        { instanceOf: MetadataError, message },
        reason,
      );
      t.is(error?.code, code, reason);
      t.truthy(error?.hint, reason);
      t.false(error?.message.includes('secret-of-tests'), reason);
    }
  });
}

test('parsePostgresLocation() takes what psql takes', (t) => {
  const cases = [
    [
      'postgres://registry@db.example.com/images',
      { host: 'db.example.com', port: 5432, database: 'images', user: 'registry', password: undefined },
      'the short form',
    ],
    [
      'postgresql://us%40er:p%2Fw%3A@[::2]:6432/my%20images',
      { host: '::2', port: 6432, database: 'my images', user: 'us@er', password: 'p/w:' },
      'everything encoded',
    ],
    [
      'postgres://registry@/images?host=/run/postgresql',
      { host: '/run/postgresql', tls: 'disable' },
      'the folder of a socket',
    ],
    ['postgres://a@%2Frun%2Fpostgresql/b', { host: '/run/postgresql' }, 'the folder as a host'],
    ['postgres://a@localhost/b', { tls: 'disable' }, 'nobody listens on loopback'],
    ['postgres://a@db.example.com/b', { tls: 'verify-full', connections: 16 }, 'safe by default'],
    [
      'postgres://a@db/b?sslmode=require&sslrootcert=/ca.pem&connections=3',
      { tls: 'require', caFile: '/ca.pem', connections: 3 },
      'parameters',
    ],
  ] as const;
  for (const [text, expected, reason] of cases) t.like(parsePostgresLocation(text), expected, reason);
});

test('parsePostgresLocation() refuses what it would misunderstand, without repeating a password', (t) => {
  const cases = [
    ['', /should be like/, 'nothing'],
    ['mysql://a@b/c', /should be like/, 'another database'],
    ['postgres://a:secret@/c', /should be like/, 'no host'],
    ['postgres://a:secret@b', /should be like/, 'no name'],
    ['postgres://b/c', /should be like/, 'no user'],
    ['postgres://a:secret@b/c/d', /should be like/, 'a path'],
    ['postgres://a:secret%zz@b/c', /percent-encoded/, 'bad encoding'],
    ['postgres://a@b:0/c', /port should be a number/, 'port 0'],
    ['postgres://a@b:99999/c', /port should be a number/, 'no port'],
    ['postgres://a@b/c?sslmode=prefer', /sslmode should be/, 'a mode that anybody in between can undo'],
    ['postgres://a@b/c?password=secret', /no parameter "password"/, 'an unknown parameter'],
    ['postgres://a@b/c?connections=0', /connections should be/, 'no connections'],
    ['postgres://a@b/c?sslrootcert=', /is empty/, 'an empty parameter'],
  ] as const;
  for (const [text, message, reason] of cases) {
    const error = t.throws(() => parsePostgresLocation(text), { instanceOf: MetadataError, message }, reason);
    t.is(error?.code, 'LOCATION_INVALID', reason);
    t.false(error?.message.includes('secret'), reason);
  }
});

async function open(t: ExecutionContext, location: PostgresLocation): Promise<PostgresDatabase> {
  const database = await PostgresDatabase.open(location);
  t.teardown(() => database.close());
  return database;
}

async function withTable<D extends Database>(database: D): Promise<D> {
  await database.transaction((writer) =>
    writer.run('CREATE TABLE things (id BIGINT PRIMARY KEY, name TEXT)'),
  );
  return database;
}

async function count(reader: Pick<Database, 'get'>, table: string): Promise<number | undefined> {
  return (await reader.get<{ n: number }>(`SELECT count(*) AS n FROM ${table}`))?.n;
}
