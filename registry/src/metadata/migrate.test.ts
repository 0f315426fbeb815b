import test from 'ava';
import { MetadataError } from './metadata-error.ts';
import { migrate } from './migrate.ts';
import { type Migration, migrations } from './migrations.ts';
import { databases } from './testing/databases.ts';

const first: Migration = {
  name: 'first',
  statements: ({ text }) => [`CREATE TABLE a (x ${text})`, "INSERT INTO a VALUES ('kept')"],
};
const second: Migration = { name: 'second', statements: ({ text }) => [`CREATE TABLE b (x ${text})`] };
const broken: Migration = {
  name: 'broken',
  statements: ({ text }) => [`CREATE TABLE c (x ${text})`, 'INSERT INTO nowhere VALUES (1)'],
};

for (const [name, open] of databases) {
  const title = (text: string) => `${name}: ${text}`;

  test(title('migrate() makes the tables of this version, and again is harmless'), async (t) => {
    const database = await open(t);
    t.teardown(() => database.close());
    await migrate(database, { now: 5 });
    await migrate(database, { now: 6 });
    t.deepEqual(
      (await database.all('SELECT number, name, applied_at FROM migrations ORDER BY number')).map((row) => ({
        ...row,
      })),
      migrations.map((step, number) => ({ number, name: step.name, applied_at: 5 })),
    );
  });

  test(title('migrate() takes the steps that are missing and keeps what is there'), async (t) => {
    const database = await open(t);
    t.teardown(() => database.close());
    await migrate(database, { now: 1, migrations: [first] });
    await migrate(database, { now: 2, migrations: [first, second] });
    t.is((await database.get<{ x: string }>('SELECT x FROM a'))?.x, 'kept');
    t.deepEqual(await database.all('SELECT x FROM b'), []);
  });

  test(title('migrate() changes nothing if a step fails'), async (t) => {
    const database = await open(t);
    t.teardown(() => database.close());
    await migrate(database, { now: 1, migrations: [first] });
    await t.throwsAsync(migrate(database, { now: 2, migrations: [first, second, broken] }));
    await t.throwsAsync(database.all('SELECT x FROM b'), undefined, 'the step before it is undone too');
    await migrate(database, { now: 3, migrations: [first, second] });
    t.deepEqual(await database.all('SELECT x FROM b'), []);
  });

  test(title('migrate() refuses tables of a newer version and of something else'), async (t) => {
    const database = await open(t);
    t.teardown(() => database.close());
    await migrate(database, { now: 1, migrations: [first, second] });
    const code = async (steps: readonly Migration[]) => {
      const migrating = migrate(database, { now: 2, migrations: steps });
      return (await t.throwsAsync(migrating, { instanceOf: MetadataError }))?.code;
    };
    t.is(await code([first]), 'SCHEMA_NEWER');
    t.is(await code([second, first]), 'SCHEMA_UNKNOWN');
  });

  test(title('migrate() by two processes at once takes each step once'), async (t) => {
    const database = await open(t);
    t.teardown(() => database.close());
    await Promise.all([1, 2, 3].map((now) => migrate(database, { now })));
    t.is((await database.get<{ n: number }>('SELECT count(*) AS n FROM migrations'))?.n, migrations.length);
  });
}
