import { createWriteStream } from 'node:fs';
import { appendFile, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough, type Readable, Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { temporaryFolder } from '@img/sign/testing/temporary-folder';
import test, { type ExecutionContext } from 'ava';
import { type BlobKey, createBlobKey, isBlobKey } from './blob-key.ts';
import { type BlobStore, emptyUpload, type FoundUpload, type UploadState } from './blob-store.ts';
import { BlobStoreError } from './blob-store-error.ts';
import { FileBlobStore } from './file-blob-store.ts';
import { MemoryBlobStore } from './memory-blob-store.ts';
import { putBlob } from './put-blob.ts';
import { S3BlobStore } from './s3/s3-blob-store.ts';
import { s3Servers } from './testing/s3-servers.ts';

/** More than any store keeps in the state of an upload. */
const large = 'abc'.repeat(2 * 1024 * 1024);

/** The contract holds for all of these: another implementation joins with one line. */
const implementations: readonly (readonly [
  name: string,
  open: (t: ExecutionContext) => Promise<BlobStore>,
])[] = [
  ['memory', async () => new MemoryBlobStore()],
  ['files', async (t) => FileBlobStore.open(temporaryFolder(t))],
  ...s3Servers().map(
    ({ name, bucket }) =>
      [
        `S3 of ${name}`,
        async (t: ExecutionContext) => {
          const store = await S3BlobStore.open(await bucket());
          t.teardown(() => store.close());
          return store;
        },
      ] as const,
  ),
];

for (const [name, open] of implementations) {
  const title = (text: string) => `${name}: ${text}`;

  test(title('get() returns what was put, in the range asked for'), async (t) => {
    const store = await open(t);
    const key = await putBlob(store, [bytes('0123'), bytes('456789')]);
    const ranges = [
      [{}, '0123456789', 'no range is everything'],
      [{ offset: 3 }, '3456789', 'from an offset to the end'],
      [{ length: 4 }, '0123', 'from the beginning'],
      [{ offset: 3, length: 2 }, '34', 'from the middle'],
      [{ offset: 8, length: 100 }, '89', 'a length beyond the end is cut'],
      [{ offset: 10 }, '', 'an offset at the end is empty'],
      [{ offset: 99 }, '', 'an offset beyond the end is empty'],
      [{ offset: 2, length: 0 }, '', 'a length of nothing is empty'],
    ] as const;
    for (const [range, expected, reason] of ranges) {
      t.is(await text(await store.get(key, range)), expected, reason);
      const sink = new PassThrough();
      await store.send(key, sink, range);
      t.is(sink.read()?.toString() ?? '', expected, `send(): ${reason}`);
    }
  });

  test(title('blobs of many sizes survive, in chunks of many sizes'), async (t) => {
    const store = await open(t);
    for (const [size, chunkSize] of [
      [0, 1],
      [1, 1],
      [700, 1],
      [1024 * 1024, 64 * 1024],
      [3 * 1024 * 1024 + 17, 1024 * 1024],
      [3 * 1024 * 1024 + 17, 300_001],
      [5 * 1024 * 1024, 1024 * 1024],
      [13 * 1024 * 1024 + 1, 700_001],
    ] as const) {
      const content = Buffer.alloc(size, 'content of many sizes ');
      const key = await putBlob(store, pieces(content, chunkSize));
      t.true(content.equals(await collected(await store.get(key))), `${size} bytes by ${chunkSize}`);
      const file = join(temporaryFolder(t), 'sent');
      const sink = createWriteStream(file);
      await store.send(key, sink);
      await finished(sink.end());
      t.true(content.equals(await readFile(file)), `send(): ${size} bytes by ${chunkSize}`);
    }
  });

  test(title('a blob of no bytes needs no write'), async (t) => {
    const store = await open(t);
    const key = createBlobKey();
    await store.complete(key, emptyUpload);
    t.true(await store.has(key));
    t.is(await text(await store.get(key)), '');
  });

  test(title('an upload is no blob before it is complete'), async (t) => {
    const store = await open(t);
    const key = createBlobKey();
    const state = await appended(store, key, emptyUpload, 'half');
    t.false(await store.has(key));
    t.is((await t.throwsAsync(store.get(key), { instanceOf: BlobStoreError }))?.code, 'BLOB_MISSING');
    t.deepEqual(await listed(store), []);
    await store.complete(key, state);
    t.deepEqual(await listed(store), [{ key, sizeBytes: 4 }]);
  });

  test(title('send() of a blob that is not there writes nothing'), async (t) => {
    const store = await open(t);
    const sink = new PassThrough();
    const error = await t.throwsAsync(store.send(createBlobKey(), sink), { instanceOf: BlobStoreError });
    t.is(error?.code, 'BLOB_MISSING');
    t.is(sink.read(), null);
  });

  test(title('send() ends when the sink is destroyed, before or while it waits'), async (t) => {
    const store = await open(t);
    const key = await putBlob(store, [Buffer.alloc(3 * 1024 * 1024)]);
    const stuck = new Writable({ write: () => undefined });
    stuck.on('error', () => undefined);
    const sending = store.send(key, stuck);
    setImmediate(() => stuck.destroy());
    await t.throwsAsync(sending);
    await t.throwsAsync(store.send(key, stuck));
  });

  test(title('append() goes on behind the state, through a copy of it'), async (t) => {
    const store = await open(t);
    const key = createBlobKey();
    const first = await appended(store, key, emptyUpload, 'one ');
    t.is(first.sizeBytes, 4);
    const second = await appended(store, key, { ...first, tail: Uint8Array.from(first.tail) }, 'two');
    t.is(second.sizeBytes, 7);
    await store.complete(key, second);
    t.is(await text(await store.get(key)), 'one two');
  });

  test(title('append() drops what an interrupted writer left behind the state'), async (t) => {
    const store = await open(t);
    const key = createBlobKey();
    const state = await appended(store, key, emptyUpload, 'kept ');
    const interrupted = await store.append(key, state);
    await interrupted.write(bytes('lost because its state was not kept'));
    await interrupted.save();
    await interrupted.close();
    await store.complete(key, await appended(store, key, state, 'new'));
    t.is(await text(await store.get(key)), 'kept new');
  });

  test(title('complete() drops what an interrupted writer left behind the state'), async (t) => {
    const store = await open(t);
    const key = createBlobKey();
    const state = await appended(store, key, emptyUpload, 'kept');
    await appended(store, key, state, ' and lost');
    await store.complete(key, state);
    t.is(await text(await store.get(key)), 'kept');
  });

  test(title('save() may be called in between, and each state continues'), async (t) => {
    const store = await open(t);
    const key = createBlobKey();
    const appender = await store.append(key, emptyUpload);
    await appender.write(bytes('a'));
    const early = await appender.save();
    await appender.write(bytes('b'));
    const late = await appender.save();
    await appender.close();
    t.deepEqual([early.sizeBytes, late.sizeBytes], [1, 2]);
    await store.complete(key, await appended(store, key, early, 'B'));
    t.is(await text(await store.get(key)), 'aB');
  });

  test(title('complete() and discard() may be called twice'), async (t) => {
    const store = await open(t);
    const key = createBlobKey();
    const state = await appended(store, key, emptyUpload, 'twice');
    await store.complete(key, state);
    await store.complete(key, state);
    t.is(await text(await store.get(key)), 'twice');
    await store.discard([{ key, state }]);
    await store.discard([{ key, state }]);
    t.false(await store.has(key));
  });

  test(title('append() and complete() refuse an upload that is not there'), async (t) => {
    const store = await open(t);
    const absent = { ...emptyUpload, sizeBytes: 5 };
    const key = createBlobKey();
    const code = async (promise: Promise<unknown>) =>
      (await t.throwsAsync(promise, { instanceOf: BlobStoreError }))?.code;
    t.is(await code(store.append(key, absent)), 'UPLOAD_MISSING', 'never begun');
    t.is(await code(store.complete(key, absent)), 'UPLOAD_MISSING', 'never begun');
    // Less of it fits into the state, and then it can be gone on with whatever the store has.
    const state = await appended(store, key, emptyUpload, large);
    const more = { ...state, sizeBytes: state.sizeBytes + 1 };
    t.is(await code(store.append(key, more)), 'UPLOAD_MISSING', 'less is stored than the state says');
    t.is(await code(store.complete(key, more)), 'UPLOAD_MISSING', 'less is stored than the state says');
    await store.complete(key, state);
    t.is(await code(store.append(key, state)), 'UPLOAD_MISSING', 'already complete');
    await store.discard([{ key, state }]);
    t.is(await code(store.complete(key, state)), 'UPLOAD_MISSING', 'discarded');
  });

  test(title('discard() removes complete and unfinished blobs together'), async (t) => {
    const store = await open(t);
    const kept = await putBlob(store, [bytes('kept')]);
    const complete = { key: await putBlob(store, [bytes('gone')]), state: emptyUpload };
    const key = createBlobKey();
    const unfinished = { key, state: await appended(store, key, emptyUpload, large) };
    await store.discard([complete, unfinished, { key: createBlobKey(), state: emptyUpload }]);
    t.deepEqual(await listed(store), [{ key: kept, sizeBytes: 4 }]);
    t.deepEqual(await Array.fromAsync(store.listUploads()), []);
  });

  test(title('listUploads() finds what was begun, and abandon() removes it'), async (t) => {
    const store = await open(t);
    await putBlob(store, [bytes('complete')]);
    t.deepEqual(await Array.fromAsync(store.listUploads()), []);
    const key = createBlobKey();
    const state = await appended(store, key, emptyUpload, large);
    const [found] = await Array.fromAsync(store.listUploads());
    if (name === 'S3 of minio') {
      t.is(found, undefined, 'it lists none, and removes them by itself after a day');
      return;
    }
    t.is(found?.key, key);
    t.true((found?.begunAt ?? Number.NaN) <= Date.now() + 1000);
    await store.abandon(found as FoundUpload);
    await store.abandon(found as FoundUpload);
    t.deepEqual(await Array.fromAsync(store.listUploads()), []);
    await t.throwsAsync(store.complete(key, state), { instanceOf: BlobStoreError });
  });

  test(title('abandon() spares what was completed since it was found'), async (t) => {
    const store = await open(t);
    const key = createBlobKey();
    const state = await appended(store, key, emptyUpload, large);
    const [found = { key, notes: state.notes, begunAt: 0 }] = await Array.fromAsync(store.listUploads());
    await store.complete(key, state);
    await store.abandon(found);
    t.is(await text(await store.get(key)), large);
  });

  test(title('delete() removes the blobs named and nothing else'), async (t) => {
    const store = await open(t);
    const keys = await Promise.all(['a', 'b', 'c'].map((content) => putBlob(store, [bytes(content)])));
    const [a, b, c] = keys as [BlobKey, BlobKey, BlobKey];
    await store.delete([a, c, createBlobKey()]);
    await store.delete([a]);
    t.deepEqual(await listed(store), [{ key: b, sizeBytes: 1 }]);
    t.deepEqual(await Promise.all(keys.map((key) => store.has(key))), [false, true, false]);
  });

  test(title('a reader that began before the deletion reads to the end'), async (t) => {
    const store = await open(t);
    const content = Buffer.alloc(2 * 1024 * 1024, 'x');
    const key = await putBlob(store, [content]);
    const reader = await store.get(key);
    await store.delete([key]);
    t.is((await collected(reader)).byteLength, content.byteLength);
  });

  test(title('putBlob() leaves nothing of content that fails'), async (t) => {
    const store = await open(t);
    await t.throwsAsync(
      putBlob(
        store,
        (function* () {
          yield bytes('begun');
          throw new Error('source broke');
        })(),
      ),
      { message: 'source broke' },
    );
    t.deepEqual(await listed(store), []);
  });

  test(title('many uploads run at once'), async (t) => {
    const store = await open(t);
    const contents = Array.from({ length: 40 }, (_, index) => `content ${index}`.repeat(index));
    const keys = await Promise.all(contents.map((content) => putBlob(store, [bytes(content)])));
    const stored = await Promise.all(keys.map(async (key) => text(await store.get(key))));
    t.deepEqual(stored, contents);
    t.is((await listed(store)).length, 40);
  });
}

test('FileBlobStore keeps no unfinished file after complete() and discard()', async (t) => {
  const folder = temporaryFolder(t);
  const store = await FileBlobStore.open(folder);
  await putBlob(store, [bytes('kept')]);
  const key = createBlobKey();
  const state = await appended(store, key, emptyUpload, 'dropped');
  t.deepEqual(await readdir(join(folder, 'uploads')), [key]);
  await store.discard([{ key, state }]);
  t.deepEqual(await readdir(join(folder, 'uploads')), []);
  t.is(state.sizeBytes, 7);
});

test('FileBlobStore opens a folder that another process used, and both see the same', async (t) => {
  const folder = temporaryFolder(t);
  const first = await FileBlobStore.open(folder);
  const key = createBlobKey();
  const state = await appended(first, key, emptyUpload, 'begun here, ');
  const second = await FileBlobStore.open(folder);
  await second.complete(key, await appended(second, key, state, 'ended there'));
  t.is(await text(await first.get(key)), 'begun here, ended there');
});

test('FileBlobStore gives nobody else access to the bytes', async (t) => {
  const folder = temporaryFolder(t);
  const store = await FileBlobStore.open(join(folder, 'new'));
  const key = await putBlob(store, [bytes('private')]);
  const modes = [];
  for (const path of ['blobs', 'uploads', `blobs/${key.slice(0, 2)}`, `blobs/${key.slice(0, 2)}/${key}`]) {
    modes.push((await stat(join(folder, 'new', path))).mode & 0o077);
  }
  t.deepEqual(modes, [0, 0, 0, 0]);
});

test('FileBlobStore cuts off what a killed process wrote but nobody noted', async (t) => {
  const folder = temporaryFolder(t);
  const store = await FileBlobStore.open(folder);
  const key = createBlobKey();
  const state = await appended(store, key, emptyUpload, 'noted');
  await appendFile(join(folder, 'uploads', key), ' and torn');
  await store.complete(key, state);
  t.is(await text(await store.get(key)), 'noted');
});

test('FileBlobStore completes what was sent again after a power loss that undid only the notes of it', async (t) => {
  const store = await FileBlobStore.open(temporaryFolder(t));
  const key = createBlobKey();
  await store.complete(key, await appended(store, key, emptyUpload, 'torn'));
  const state = await appended(store, key, emptyUpload, 'sent');
  await store.complete(key, state);
  await store.complete(key, state);
  t.is(await text(await store.get(key)), 'sent');
});

test('FileBlobStore lists no file that is not a blob', async (t) => {
  const folder = temporaryFolder(t);
  const store = await FileBlobStore.open(folder);
  const key = await putBlob(store, [bytes('x')]);
  await writeFile(join(folder, 'blobs', key.slice(0, 2), 'notes.txt'), '');
  await writeFile(join(folder, 'blobs', 'notes.txt'), '');
  t.deepEqual(await listed(store), [{ key, sizeBytes: 1 }]);
});

test('createBlobKey() makes another key each time, and no path is a key', (t) => {
  const keys = Array.from({ length: 100 }, createBlobKey);
  t.is(new Set(keys).size, 100);
  t.true(keys.every(isBlobKey));
  const paths = [
    '',
    '../../../etc/passwd',
    'A'.repeat(32),
    'a'.repeat(31),
    'a'.repeat(33),
    `${'a'.repeat(31)}/`,
  ];
  for (const text of paths) t.false(isBlobKey(text), text);
});

async function appended(
  store: BlobStore,
  key: BlobKey,
  state: UploadState,
  content: string,
): Promise<UploadState> {
  const appender = await store.append(key, state);
  try {
    await appender.write(bytes(content));
    return await appender.save();
  } finally {
    await appender.close();
  }
}

async function listed(store: BlobStore) {
  return (await Array.fromAsync(store.list())).sort((a, b) => (a.key < b.key ? -1 : 1));
}

async function text(stream: Readable): Promise<string> {
  return (await collected(stream)).toString();
}

async function collected(stream: Readable): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(stream as AsyncIterable<Uint8Array>));
}

function bytes(content: string): Uint8Array {
  return new TextEncoder().encode(content);
}

function* pieces(content: Uint8Array, size: number): Generator<Uint8Array> {
  for (let at = 0; at < content.byteLength; at += size) yield content.subarray(at, at + size);
}
