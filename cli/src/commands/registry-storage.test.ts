import { mkdir, readFile, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { insertBlob, listBlobs } from '@img/registry/metadata/blobs';
import { SqliteDatabase } from '@img/registry/metadata/sqlite-database';
import { startRegistry } from '@img/registry/server/start-registry';
import { createBlobKey } from '@img/registry/storage/blob-key';
import { digestOf } from '@img/spec/digest';
import test, { type ExecutionContext } from 'ava';
import { type Instance, newInstance } from '../testing/run-img.ts';
import { writeTestApp } from '../testing/test-app.ts';
import { administrator } from '../testing/test-registry.ts';

/** A signed image in a registry, whose data are in the folder `data` of the instance. */
async function prepare(t: ExecutionContext) {
  const instance = await newInstance(t);
  const data = join(instance.folder, 'data');
  const registry = await startRegistry({ dataFolder: data, administrator });
  t.teardown(() => registry.close());
  const variables = { IMG_REGISTRY: registry.host, IMG_KEY_PASSPHRASE: 'x' };
  const ok = async (words: readonly string[], input = '') => {
    const { code, stdout, stderr } = await instance.run(words, { variables, input });
    t.is(code, 0, `${words.join(' ')}: ${stderr}`);
    return stdout;
  };
  await login(ok, registry.host);
  await writeTestApp(instance, 'one');
  await ok(['build', 'app']);
  await ok(['key', 'new', 'alice']);
  await ok(['push', 'com.example.app:1.0.0', '--sign', 'alice']);
  await ok(['trust', 'add', 'alice', '--prefix', 'com.example.']);
  return { instance, registry, data, ok };
}

type Ok = (words: readonly string[], input?: string) => Promise<string>;

async function login(ok: Ok, host: string): Promise<void> {
  await ok(['login', host, '-u', administrator.name, '--password-stdin'], `${administrator.password}\n`);
}

async function startOther(t: ExecutionContext, { folder }: Instance, name: string): Promise<string> {
  const other = await startRegistry({ dataFolder: join(folder, name), administrator });
  t.teardown(() => other.close());
  return other.host;
}

test('img registry rebuild brings a registry back whose database is lost', async (t) => {
  const { instance, registry, data, ok } = await prepare(t);
  const places = ['--data', data];
  const used = await instance.run(['registry', 'rebuild', ...places]);
  t.is(used.code, 1);
  t.regex(used.stderr, /^img: the database has the metadata of a registry already\n {5}hint: /);
  await registry.close();
  await mkdir(join(instance.folder, 'away'));
  for (const file of ['metadata.sqlite', 'metadata.sqlite-wal', 'metadata.sqlite-shm']) {
    await rename(join(data, file), join(instance.folder, 'away', file)).catch((error: unknown) => {
      // SQLite removes its companions when it is closed in order.
      t.is((error as NodeJS.ErrnoException).code, 'ENOENT');
    });
  }
  const refused = await instance.run(['serve', ...places, '--listen', '127.0.0.1:0']);
  t.is(refused.code, 1);
  t.regex(
    refused.stderr,
    /^img: the database is empty, but .*storage is not\n {5}hint: run img registry reb/,
  );
  const { code, stdout, stderr } = await instance.run(['registry', 'rebuild', ...places]);
  t.is(code, 0, stderr);
  t.regex(stdout, /^rebuilt: 1 repository, \d manifests, \d tags, \d blobs, 1 user\n$/);
  t.regex(stderr, /tags and accounts are those of 20\d\d-/);
  const host = await startOther(t, instance, 'data');
  await login(ok, host);
  t.regex(await ok(['verify', `${host}/com.example.app:1.0.0`]), /alice/);
  t.regex(
    await ok(['registry', 'scrub', ...places]),
    /^read \d blobs and \d notes of manifests.*all sound\n$/,
  );
});

test('img registry export and import carry repositories with their signatures to another registry', async (t) => {
  const { instance, registry, ok } = await prepare(t);
  await ok(['copy', 'com.example.app:1.0.0', `${registry.host}/com.example.app/part:latest`]);
  t.regex(
    await ok(['registry', 'export', '--all', registry.host, 'backup']),
    /^com\.example\.app {2}1 tag {2}backup\/com\.example\.app\ncom\.example\.app\/part {2}1 tag {2}.*\+part\n$/,
  );
  t.regex(await readFile(join(instance.folder, 'backup/com.example.app+part/index.json'), 'utf8'), /latest/);
  const host = await startOther(t, instance, 'other');
  await login(ok, host);
  t.is(
    await ok(['registry', 'import', 'backup', host]),
    `${host}/com.example.app  1 tag\n${host}/com.example.app/part  1 tag\n`,
  );
  t.regex(await ok(['verify', `${host}/com.example.app:1.0.0`]), /alice/);
  const again = JSON.parse(await ok(['registry', 'import', 'backup', host, '--json'])) as readonly object[];
  t.like(again[0], { repository: 'com.example.app', tags: ['1.0.0'], copiedBlobs: 0 });
});

test('img registry scrub forgets nothing where the storage is not there', async (t) => {
  const { folder, run } = await newInstance(t);
  const data = join(folder, 'data');
  const registry = await startRegistry({ dataFolder: data, administrator });
  await registry.close();
  await rename(join(data, 'storage'), join(folder, 'elsewhere'));
  const { code, stderr } = await run(['registry', 'scrub', '--data', data, '--repair']);
  t.is(code, 2, stderr);
  t.regex(stderr, /there is no registry in .*data: it has no storage\n {5}hint: /);
  await t.throwsAsync(stat(join(data, 'storage')), { code: 'ENOENT' });
});

test('img registry scrub --repair stops where nearly everything is lost, --repair-all does not', async (t) => {
  const { folder, run } = await newInstance(t);
  const data = join(folder, 'data');
  const storage = join(data, 'storage/blobs');
  await (await startRegistry({ dataFolder: data, administrator })).close();
  const database = await SqliteDatabase.open(join(data, 'metadata.sqlite'));
  t.teardown(() => database.close());
  // What the database says is stored, and is not.
  await database.transaction(async (writer) => {
    for (let number = 0; number < 30; number += 1) {
      const digest = digestOf(Buffer.from(String(number)));
      await insertBlob(writer, { digest, size: 1, key: createBlobKey() }, 1);
    }
  });
  await mkdir(storage, { recursive: true });
  const left = async () => (await listBlobs(database, { after: 0, limit: 99 })).length;
  const stopped = await run(['registry', 'scrub', '--data', data, '--repair', '--json']);
  t.is(stopped.code, 1, stopped.stderr);
  t.like(JSON.parse(stopped.stdout), { blobs: 11, isGivenUp: true });
  t.regex(stopped.stderr, /^stopped, because so much is bad .* --repair-all goes on\n$/);
  t.is(await left(), 20);
  const all = await run(['registry', 'scrub', '--data', data, '--repair-all']);
  t.is(all.code, 1, all.stderr);
  t.regex(all.stdout, /^read 20 blobs, 20 bytes: 20 not sound\n/);
  t.is(await left(), 0);
});

const refused: readonly [words: string[], code: number, stderr: RegExp, reason: string][] = [
  [['export', 'com.example.app:1', 'x'], 2, /is one image[\s\S]*hint: name it without its tag/, 'a tag'],
  [['export', '--all', 'nowhere', 'x'], 2, /neither an alias nor the address/, 'no registry'],
  [['import', 'none'], 4, /can't read the folder "none"/, 'no folder'],
  [['import', '.'], 4, /there is no repository in "\."[\s\S]*hint: /, 'another folder'],
  [['rebuild', '--data', 'none'], 2, /there is no registry in .*none[\s\S]*hint: /, 'no data folder'],
  [['rebuild', '--storage', '/srv'], 2, /the storage should be like s3:\/\/bucket/, 'no storage'],
];

for (const [words, code, message, reason] of refused) {
  test(`img registry ${words.join(' ')} is refused: ${reason}`, async (t) => {
    const { run } = await newInstance(t);
    const result = await run(['registry', ...words]);
    t.is(result.code, code, result.stderr);
    t.regex(result.stderr, message);
  });
}
