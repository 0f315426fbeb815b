import { readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { temporaryFolder } from '@img/sign/testing/temporary-folder';
import { digestOf } from '@img/spec/digest';
import test, { type ExecutionContext } from 'ava';
import { MetadataError } from '../metadata/metadata-error.ts';
import { SqliteDatabase } from '../metadata/sqlite-database.ts';
import type { BlobStore } from '../storage/blob-store.ts';
import { MemoryBlobStore } from '../storage/memory-blob-store.ts';
import { ServerError } from './server-error.ts';
import { startRegistry } from './start-registry.ts';
import { TestClient } from './testing/test-client.ts';
import { admin, basic, pushBlob, startTestRegistry } from './testing/test-registry.ts';

test('the first start makes up a password and tells it once', async (t) => {
  const dataFolder = temporaryFolder(t);
  const first = await startRegistry({ dataFolder });
  t.is(first.administrator.name, 'admin');
  t.regex(first.administrator.newPassword ?? '', /^[\w-]{24}$/);
  t.is(await logIn(t, first.url, first.administrator.newPassword as string), 200);
  await first.close();
  const second = await startRegistry({ dataFolder });
  t.is(second.administrator.newPassword, undefined);
  t.is(await logIn(t, second.url, first.administrator.newPassword as string), 200);
  await second.close();
});

test('a password that is given replaces the one before', async (t) => {
  const dataFolder = temporaryFolder(t);
  for (const password of ['first password', 'second password', 'second password']) {
    const running = await startRegistry({ dataFolder, administrator: { password } });
    t.is(running.administrator.newPassword, undefined);
    t.is(await logIn(t, running.url, password), 200);
    if (password !== 'first password') t.is(await logIn(t, running.url, 'first password'), 401);
    await running.close();
  }
});

test('an administrator is made up once only, and found again under another name', async (t) => {
  const dataFolder = temporaryFolder(t);
  const first = await startRegistry({ dataFolder, administrator: { name: 'root' } });
  await first.close();
  const second = await startRegistry({ dataFolder });
  t.deepEqual(second.administrator, { name: 'root', newPassword: undefined });
  await second.close();
});

test('what was pushed is there after a restart', async (t) => {
  const dataFolder = temporaryFolder(t);
  const digest = digestOf(Buffer.from('content'));
  {
    const running = await startRegistry({ dataFolder, administrator: admin });
    const client = new TestClient(running.url, basic(admin.name, admin.password));
    await pushBlob(client, 'content');
    await client.close();
    await running.close();
  }
  const { client } = await startTestRegistry(t, { dataFolder });
  t.is((await client.send('GET', `/v2/app/blobs/${digest}`)).text, 'content');
});

test('a start looks at nothing that is stored, however much it is', async (t) => {
  const dataFolder = temporaryFolder(t);
  const blobs = new MemoryBlobStore();
  const first = await startTestRegistry(t, { dataFolder, blobs });
  const digest = await pushBlob(first.client, 'content');
  await first.running.close();
  const asked: string[] = [];
  const watched = new Proxy<BlobStore>(blobs, {
    get(target, name) {
      asked.push(String(name));
      const value: unknown = Reflect.get(target, name);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
  const { client, running } = await startTestRegistry(t, { dataFolder, blobs: watched });
  t.is((await client.send('HEAD', `/v2/app/blobs/${digest}`)).status, 200);
  t.is((await client.send('GET', `/v2/app/blobs/${digest}`)).text, 'content');
  await running.close();
  t.true(asked.includes('send'), 'it is asked for what a client wants');
  t.false(asked.includes('list'));
});

test('the running registry says where it is', async (t) => {
  const { running } = await startTestRegistry(t);
  t.true(running.port > 0);
  t.is(running.url, `http://${running.host}`);
  t.is(running.host, `127.0.0.1:${running.port}` as typeof running.host);
  const everywhere = await startTestRegistry(t, { address: '0.0.0.0' });
  t.regex(everywhere.running.url, /^http:\/\/127\.0\.0\.1:/, 'where this machine reaches it');
});

test('the data folder is for its owner alone', async (t) => {
  const dataFolder = join(temporaryFolder(t), 'deep', 'down');
  await startTestRegistry(t, { dataFolder });
  t.is((await stat(dataFolder)).mode & 0o777, 0o700);
  for (const file of ['token-key.pem', 'metadata.sqlite', 'metadata.sqlite-wal']) {
    t.is((await stat(join(dataFolder, file))).mode & 0o777, 0o600, file);
  }
});

test('a start that can not work says why and leaves nothing open', async (t) => {
  const folder = temporaryFolder(t);
  const { running } = await startTestRegistry(t);
  await writeFile(join(folder, 'file'), '');
  const cases = [
    [{ dataFolder: join(folder, 'file', 'data') }, 'DATA_FOLDER_UNUSABLE', 'below a file'],
    [{ port: running.port }, 'ADDRESS_IN_USE', 'the port is taken'],
    [{ address: '192.0.2.1' }, 'ADDRESS_UNUSABLE', 'not an address of this machine'],
    [{ address: 'no.such.host.invalid' }, 'ADDRESS_UNUSABLE', 'no address at all'],
    [{ administrator: { password: 'short' } }, 'OPTION_INVALID', 'a short password'],
    [{ administrator: { name: 'a:b' } }, 'OPTION_INVALID', 'a colon ends the name'],
    [{ administrator: { name: '' } }, 'OPTION_INVALID', 'no name'],
    [{ publicUrl: 'registry.example.com' }, 'OPTION_INVALID', 'no URL'],
    [{ publicUrl: 'https://registry.example.com/v2' }, 'OPTION_INVALID', 'a path'],
    [{ publicUrl: 'ftp://registry.example.com' }, 'OPTION_INVALID', 'another protocol'],
  ] as const;
  for (const [options, code, reason] of cases) {
    const start = startRegistry({ dataFolder: join(folder, 'data'), ...options });
    const error = await t.throwsAsync(start, { instanceOf: ServerError }, reason);
    t.is(error?.code, code, reason);
  }
  await (await startRegistry({ dataFolder: join(folder, 'data') })).close();
});

test('a database of a newer version is left alone', async (t) => {
  const { folder, running } = await startTestRegistry(t);
  await running.close();
  const database = await SqliteDatabase.open(join(folder, 'metadata.sqlite'));
  await database.transaction((writer) =>
    writer.run("INSERT INTO migrations VALUES (99, 'of the future', 1)"),
  );
  await database.close();
  const error = await t.throwsAsync(startRegistry({ dataFolder: folder }), { instanceOf: MetadataError });
  t.is(error?.code, 'SCHEMA_NEWER');
});

test('close() waits for the request under way, then nobody answers', async (t) => {
  const { client, running, folder } = await startTestRegistry(t);
  const location = (await client.send('POST', '/v2/app/blobs/uploads/')).headers['location'] as string;
  const body = new PassThrough();
  const sending = client.send('PATCH', location, { body });
  body.write('content');
  while ((await readdir(join(folder, 'storage', 'uploads'))).length === 0);
  const closing = running.close();
  body.end();
  const answer = await sending;
  t.is(answer.status, 202);
  t.is(answer.headers['connection'], 'close');
  await closing;
  const late = new TestClient(running.url);
  await t.throwsAsync(late.send('GET', '/healthz'));
  await late.close();
});

test('close() with a signal cuts what is under way', async (t) => {
  const { client, running, folder } = await startTestRegistry(t);
  const location = (await client.send('POST', '/v2/app/blobs/uploads/')).headers['location'] as string;
  const body = new PassThrough();
  const sending = client.send('PATCH', location, { body });
  body.write('content');
  while ((await readdir(join(folder, 'storage', 'uploads'))).length === 0);
  const controller = new AbortController();
  const closing = running.close({ signal: controller.signal });
  controller.abort();
  await Promise.all([t.throwsAsync(sending), closing]);
});

test('/healthz and /readyz need no credentials', async (t) => {
  const { anonymous } = await startTestRegistry(t);
  for (const path of ['/healthz', '/readyz']) {
    const answer = await anonymous.send('GET', path);
    t.is(answer.status, 200);
    t.deepEqual(answer.json, { status: 'ok' });
    t.is(answer.headers['cache-control'], 'no-store');
  }
});

test('/readyz is 503 when the database does not answer', async (t) => {
  const folder = temporaryFolder(t);
  const database = await SqliteDatabase.open(join(folder, 'metadata.sqlite'));
  let isBroken = false;
  const { anonymous } = await startTestRegistry(t, {
    dataFolder: folder,
    database: {
      dialect: database.dialect,
      all: (...query) => database.all(...query),
      get: (...query) => (isBroken ? Promise.reject(new Error('gone')) : database.get(...query)),
      transaction: (...work) => database.transaction(...work),
      close: () => database.close(),
    },
  });
  t.teardown(() => database.close());
  isBroken = true;
  t.is((await anonymous.send('GET', '/readyz')).status, 503);
  t.is((await anonymous.send('GET', '/healthz')).status, 200);
});

test('each request is one line in the log, without secrets', async (t) => {
  const lines: string[] = [];
  const { client, anonymous } = await startTestRegistry(t, { log: { write: (line) => lines.push(line) } });
  const answer = await client.send('GET', '/v2/app/tags/list?n=5');
  await anonymous.send('GET', '/v2/');
  await until(() => lines.length === 2);
  const [first, second] = lines.map((line) => JSON.parse(line) as { [name: string]: unknown });
  const request = answer.headers['x-request-id'];
  const common = { msg: 'request', method: 'GET', address: '127.0.0.1' };
  t.like(first, { ...common, request, path: '/v2/app/tags/list', status: 404, user: 'admin' });
  t.like(second, { ...common, path: '/v2/', status: 401 });
  t.false(lines.join().includes(admin.password));
});

async function logIn(t: ExecutionContext, url: string, password: string): Promise<number> {
  const client = new TestClient(url, basic('admin', password));
  t.teardown(() => client.close());
  return (await client.send('GET', '/v2/')).status;
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise(setImmediate);
}
