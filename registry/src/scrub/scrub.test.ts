import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { digestOf } from '@img/spec/digest';
import test, { type ExecutionContext } from 'ava';
import { SqliteDatabase } from '../metadata/sqlite-database.ts';
import { pushBlob, startTestRegistry } from '../server/testing/test-registry.ts';
import { FileBlobStore } from '../storage/file-blob-store.ts';
import { scrub } from './scrub.ts';

/** A registry with blobs of these contents, and its parts as another process has them. */
async function start(t: ExecutionContext, contents: readonly string[]) {
  const registry = await startTestRegistry(t);
  for (const content of contents) await pushBlob(registry.client, content);
  const database = await SqliteDatabase.open(join(registry.folder, 'metadata.sqlite'));
  t.teardown(() => database.close());
  const blobs = await FileBlobStore.open(join(registry.folder, 'storage'));
  const pass = async (isRepair = false) => {
    const { signal } = new AbortController();
    const found = await Array.fromAsync(scrub(database, blobs, { isRepair, clock: Date.now, signal }));
    return found.map(({ digest, state, repositories }) => [digest, state, repositories.join()]);
  };
  return { ...registry, pass };
}

/** The file in which a content is stored. */
async function fileOf(folder: string, content: string): Promise<string> {
  const entries = await readdir(join(folder, 'storage'), { recursive: true, withFileTypes: true });
  for (const entry of entries.filter((found) => found.isFile())) {
    const path = join(entry.parentPath, entry.name);
    if ((await readFile(path, 'utf8')) === content) return path;
  }
  throw new Error(`nothing stored is ${content}`);
}

const contents = ['sound', 'changed', 'shorter', 'longer', 'lost'] as const;
const digests = contents.map((content) => digestOf(Buffer.from(content)));

test('scrub() finds what is lost or has other bytes, and says who has it', async (t) => {
  const { folder, pass } = await start(t, contents);
  t.deepEqual(
    await pass(),
    digests.map((digest) => [digest, 'sound', '']),
  );
  await writeFile(await fileOf(folder, 'changed'), 'chANged');
  await writeFile(await fileOf(folder, 'shorter'), 'short');
  await writeFile(await fileOf(folder, 'longer'), 'longer and longer');
  await rm(await fileOf(folder, 'lost'));
  const expected = ['sound', 'damaged', 'damaged', 'damaged', 'lost'].map((state, index) => {
    return [digests[index], state, state === 'sound' ? '' : 'app'];
  });
  t.deepEqual(await pass(), expected);
  t.deepEqual(await pass(), expected, 'looking changes nothing');
});

test('what scrub() forgets is asked for again, and is sound then', async (t) => {
  const { folder, pass, client } = await start(t, ['changed']);
  await writeFile(await fileOf(folder, 'changed'), 'chANged');
  const digest = digestOf(Buffer.from('changed'));
  await pass(true);
  t.is((await client.send('HEAD', `/v2/app/blobs/${digest}`)).status, 404);
  await pushBlob(client, 'changed');
  t.is((await client.send('GET', `/v2/app/blobs/${digest}`)).text, 'changed');
  t.deepEqual(await pass(), [[digest, 'sound', '']]);
});
