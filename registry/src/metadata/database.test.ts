import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setImmediate } from 'node:timers/promises';
import { temporaryFolder } from '@img/sign/testing/temporary-folder';
import test from 'ava';
import { type Database, placeholders } from './database.ts';
import { MetadataError } from './metadata-error.ts';
import { SqliteDatabase } from './sqlite-database.ts';
import { databases } from './testing/databases.ts';

for (const [name, open] of databases) {
  const title = (text: string) => `${name}: ${text}`;

  test(title('values come back as they went in'), async (t) => {
    const database = await withTable(await open(t));
    t.teardown(() => database.close());
    const bytes = Uint8Array.from([0, 255, 1, 0]);
    await database.transaction(async (writer) => {
      await writer.run('INSERT INTO things (id, name, body) VALUES ($1, $2, $3)', 2 ** 53 - 1, 'ä😀', bytes);
      await writer.run('INSERT INTO things (id, name, body) VALUES ($1, $2, $3)', -1, '', null);
    });
    const rows = await database.all('SELECT id, name, body FROM things ORDER BY id');
    t.deepEqual(
      rows.map((row) => ({ ...row })),
      [
        { id: -1, name: '', body: null },
        { id: 2 ** 53 - 1, name: 'ä😀', body: bytes },
      ],
    );
  });

  test(title('text with a NUL is refused, for writing and for reading'), async (t) => {
    const database = await withTable(await open(t));
    t.teardown(() => database.close());
    const refused = { instanceOf: MetadataError, code: 'TEXT_INVALID' };
    await t.throwsAsync(
      database.transaction((writer) => writer.run('INSERT INTO things (id, name) VALUES (1, $1)', 'a\0b')),
      refused,
    );
    await t.throwsAsync(database.get('SELECT id FROM things WHERE name > $1', 'a\0'), refused);
    t.is(await count(database), 0);
  });

  test(title('parameters are taken by number, in any order and repeatedly'), async (t) => {
    const database = await open(t);
    t.teardown(() => database.close());
    const row = await database.get<{ text: string }>(
      'SELECT CAST($2 AS TEXT) || CAST($1 AS TEXT) || CAST($2 AS TEXT) AS text',
      'a',
      'b',
    );
    t.is(row?.text, 'bab');
  });

  test(title('get() gives the first row or undefined'), async (t) => {
    const database = await withTable(await open(t));
    t.teardown(() => database.close());
    await database.transaction(async (writer) => {
      for (const id of [3, 1, 2]) await writer.run('INSERT INTO things (id, name) VALUES ($1, $2)', id, 'x');
    });
    t.is((await database.get<{ id: number }>('SELECT id FROM things ORDER BY id'))?.id, 1);
    t.is(await database.get('SELECT id FROM things WHERE id = $1', 99), undefined);
  });

  test(title('run() counts the changed rows'), async (t) => {
    const database = await withTable(await open(t));
    t.teardown(() => database.close());
    await database.transaction(async (writer) => {
      for (const id of [1, 2, 3]) await writer.run('INSERT INTO things (id, name) VALUES ($1, $2)', id, 'x');
      t.is(await writer.run("UPDATE things SET name = 'y' WHERE id > $1", 1), 2);
      t.is(await writer.run('DELETE FROM things WHERE id = $1', 99), 0);
    });
  });

  test(title('a transaction that throws changes nothing, and the next one works'), async (t) => {
    const database = await withTable(await open(t));
    t.teardown(() => database.close());
    await t.throwsAsync(
      database.transaction(async (writer) => {
        await writer.run('INSERT INTO things (id, name) VALUES (1, $1)', 'x');
        throw new Error('changed my mind');
      }),
      { message: 'changed my mind' },
    );
    await t.throwsAsync(database.transaction((writer) => writer.run('INSERT INTO nowhere VALUES (1)')));
    t.is(await count(database), 0);
    await database.transaction((writer) => writer.run("INSERT INTO things (id, name) VALUES (1, 'x')"));
    t.is(await count(database), 1);
  });

  test(title('readers see a transaction only when it is over, its own statements at once'), async (t) => {
    const database = await withTable(await open(t));
    t.teardown(() => database.close());
    await database.transaction(async (writer) => {
      await writer.run("INSERT INTO things (id, name) VALUES (1, 'x')");
      t.is(await count(writer), 1);
      t.is(await count(database), 0);
    });
    t.is(await count(database), 1);
  });

  test(title('transactions that run at the same time count as if one came after the other'), async (t) => {
    const database = await withTable(await open(t));
    t.teardown(() => database.close());
    await database.transaction((writer) => writer.run("INSERT INTO things (id, name) VALUES (1, '0')"));
    await Promise.all(
      Array.from({ length: 50 }, (_, index) =>
        database.transaction(
          async (writer) => {
            const row = await writer.get<{ name: string }>('SELECT name FROM things WHERE id = 1');
            await writer.run('UPDATE things SET name = $1 WHERE id = 1', String(Number(row?.name) + 1));
          },
          { durable: index % 2 === 0 },
        ),
      ),
    );
    t.is((await database.get<{ name: string }>('SELECT name FROM things'))?.name, '50');
  });

  test(title("readers can't write"), async (t) => {
    const database = await withTable(await open(t));
    t.teardown(() => database.close());
    await t.throwsAsync(database.all("INSERT INTO things (id, name) VALUES (1, 'x')"));
    t.is(await count(database), 0);
  });

  test(title('text is sorted byte by byte'), async (t) => {
    const database = await withTable(await open(t));
    t.teardown(() => database.close());
    const names = ['v1', 'V1', 'v1-alpine', 'v1.0', 'v10', '_', 'a', 'Z', '0', 'v1_'];
    await database.transaction(async (writer) => {
      for (const [id, text] of names.entries()) {
        await writer.run('INSERT INTO things (id, name) VALUES ($1, $2)', id, text);
      }
    });
    const rows = await database.all<{ name: string }>('SELECT name FROM things ORDER BY name');
    t.deepEqual(
      rows.map((row) => row.name),
      names.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))),
    );
  });

  test(title('foreign keys are enforced and deletions cascade'), async (t) => {
    const database = await withTable(await open(t));
    t.teardown(() => database.close());
    await database.transaction(async (writer) => {
      await writer.run(
        `CREATE TABLE parts (thing_id ${database.dialect.integer} NOT NULL REFERENCES things ON DELETE CASCADE)`,
      );
      await writer.run("INSERT INTO things (id, name) VALUES (1, 'x')");
      await writer.run('INSERT INTO parts VALUES (1)');
    });
    await t.throwsAsync(database.transaction((writer) => writer.run('INSERT INTO parts VALUES (2)')));
    await database.transaction((writer) => writer.run('DELETE FROM things'));
    t.deepEqual(await database.all('SELECT * FROM parts'), []);
  });
}

test('SqliteDatabase keeps its content when opened again, and by two processes at once', async (t) => {
  const path = join(temporaryFolder(t), 'metadata.sqlite');
  const first = await withTable(await SqliteDatabase.open(path));
  const second = await SqliteDatabase.open(path);
  await first.transaction((writer) => writer.run("INSERT INTO things (id, name) VALUES (1, 'x')"));
  t.is(await count(second), 1);
  await second.transaction((writer) => writer.run("INSERT INTO things (id, name) VALUES (2, 'y')"));
  t.is(await count(first), 2);
  await Promise.all([first.close(), second.close()]);
  const third = await SqliteDatabase.open(path);
  t.teardown(() => third.close());
  t.is(await count(third), 2);
});

test('SqliteDatabase waits for the transaction of another connection without stopping it', async (t) => {
  const path = join(temporaryFolder(t), 'metadata.sqlite');
  const first = await withTable(await SqliteDatabase.open(path));
  const second = await SqliteDatabase.open(path);
  const counts = await Promise.all(
    Array.from({ length: 40 }, (_, id) =>
      (id % 2 === 0 ? first : second).transaction(async (writer) => {
        await writer.run("INSERT INTO things (id, name) VALUES ($1, 'x')", id);
        await setImmediate();
        return count(writer);
      }),
    ),
  );
  t.deepEqual(
    counts.toSorted((a, b) => Number(a) - Number(b)),
    Array.from({ length: 40 }, (_, index) => index + 1),
  );
  await Promise.all([
    first.close(),
    second.close(),
    SqliteDatabase.open(path).then((third) => third.close()),
  ]);
});

test('SqliteDatabase.open() waits for a process that has the file to itself', async (t) => {
  const path = join(temporaryFolder(t), 'metadata.sqlite');
  const other = new DatabaseSync(path);
  other.exec('CREATE TABLE parts (id INTEGER); BEGIN EXCLUSIVE');
  const opening = SqliteDatabase.open(path);
  // It goes on trying, and lets others work meanwhile.
  for (let turn = 0; turn < 100; turn += 1) await setImmediate();
  other.exec('COMMIT');
  other.close();
  const database = await opening;
  t.deepEqual(await database.all('SELECT * FROM parts'), []);
  await database.close();
});

test('SqliteDatabase ends what was begun before it closes', async (t) => {
  const path = join(temporaryFolder(t), 'metadata.sqlite');
  const database = await withTable(await SqliteDatabase.open(path));
  const writing = database.transaction((writer) =>
    writer.run("INSERT INTO things (id, name) VALUES (1, 'x')"),
  );
  await database.close();
  t.is(await writing, 1);
  t.true((await stat(path)).size > 0);
});

test('placeholders() counts from where it is told', (t) => {
  t.is(placeholders(2, 3), '$2, $3, $4');
});

async function withTable(database: Database): Promise<Database> {
  const { integer, text, bytes } = database.dialect;
  await database.transaction((writer) =>
    writer.run(`CREATE TABLE things (id ${integer} PRIMARY KEY, name ${text} NOT NULL, body ${bytes})`),
  );
  return database;
}

async function count(reader: Pick<Database, 'get'>): Promise<number | undefined> {
  return (await reader.get<{ n: number }>('SELECT count(*) AS n FROM things'))?.n;
}
