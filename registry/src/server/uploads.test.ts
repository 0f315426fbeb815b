import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { digestOf } from '@img/spec/digest';
import test from 'ava';
import { type Answer, TestClient } from './testing/test-client.ts';
import { basic, pushBlob, startTestRegistry } from './testing/test-registry.ts';

const content = 'three chunks of content';
const digest = digestOf(Buffer.from(content));
const uuid = /^\/v2\/app\/blobs\/uploads\/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

test('POST then PUT stores a blob', async (t) => {
  const { client } = await startTestRegistry(t);
  const begun = await client.send('POST', '/v2/app/blobs/uploads/');
  t.is(begun.status, 202);
  t.is(begun.headers['content-length'], '0');
  t.is(begun.headers['range'], '0-0');
  const location = locationOf(begun);
  t.regex(location, uuid);
  const done = await client.send('PUT', `${location}?digest=${digest}`, { body: content });
  t.is(done.status, 201);
  t.is(done.headers['location'], `/v2/app/blobs/${digest}`);
  t.is(done.headers['docker-content-digest'], digest);
  t.is(done.headers['content-length'], '0');
  await isStored(t, client);
  t.is((await client.send('GET', location)).status, 404, 'the session is over');
});

test('one POST stores a blob, in the algorithm of its digest', async (t) => {
  const { client } = await startTestRegistry(t);
  for (const algorithm of ['sha256', 'sha512'] as const) {
    for (const text of [content, '']) {
      const asked = digestOf(Buffer.from(text), algorithm);
      const answer = await client.send('POST', `/v2/app/blobs/uploads/?digest=${asked}`, { body: text });
      t.is(answer.status, 201);
      t.is(answer.headers['docker-content-digest'], asked);
      t.is((await client.send('GET', `/v2/app/blobs/${asked}`)).text, text);
    }
  }
});

test('PATCH takes chunks in order, PUT closes, with the last chunk or without', async (t) => {
  const { client } = await startTestRegistry(t);
  for (const isLastInPut of [true, false]) {
    let location = await begin(client);
    for (const [start, end] of [
      [0, 5],
      [6, 11],
    ] as const) {
      const answer = await patch(client, location, start, content.slice(start, end + 1));
      t.is(answer.status, 202);
      t.is(answer.headers['range'], `0-${end}`, 'the whole blob so far');
      location = locationOf(answer);
      const status = await client.send('GET', location);
      t.is(status.status, 204);
      t.is(status.headers['range'], `0-${end}`);
      t.is(locationOf(status), location);
    }
    const last = content.slice(12);
    if (!isLastInPut) await patch(client, location, 12, last);
    const done = await client.send('PUT', `${location}?digest=${digest}`, {
      headers: { 'content-range': `12-${content.length - 1}` },
      body: last,
      ...(isLastInPut ? {} : { headers: {}, body: '' }),
    });
    t.is(done.status, 201);
    await isStored(t, client);
  }
});

test('PATCH without Content-Range takes a stream of unknown length, behind what is there', async (t) => {
  const { client } = await startTestRegistry(t);
  const location = await begin(client);
  for (const part of [content.slice(0, 10), content.slice(10)]) {
    const answer = await client.send('PATCH', location, { body: Readable.from([Buffer.from(part)]) });
    t.is(answer.status, 202);
  }
  t.is((await client.send('PUT', `${location}?digest=${digest}`)).status, 201);
  await isStored(t, client);
});

const misplaced = [
  ['6-10', 'too far'],
  ['1-10', 'one byte too far'],
  ['0-22', 'what is there already'],
  ['5-3', 'the end before the beginning'],
  ['abc', 'no numbers'],
  ['-5', 'no beginning'],
  ['5-', 'no end'],
  ['99999999999999999999-99999999999999999999', 'numbers that are too long'],
  ['items 3-5', 'another unit'],
] as const;

test('a chunk out of order is refused with 416, and the session goes on', async (t) => {
  const { client } = await startTestRegistry(t);
  const location = await begin(client);
  await patch(client, location, 0, content.slice(0, 3));
  for (const method of ['PATCH', 'PUT']) {
    for (const [contentRange, reason] of misplaced) {
      const path = method === 'PUT' ? `${location}?digest=${digest}` : location;
      const answer = await client.send(method, path, {
        headers: { 'content-range': contentRange },
        body: 'xxxxx',
      });
      t.is(answer.status, 416, `${method}: ${reason}`);
      t.is(answer.code, 'BLOB_UPLOAD_INVALID');
      t.is(answer.headers['range'], '0-2');
      t.is(locationOf(answer), location);
      t.is((await client.send('GET', path)).headers['range'], '0-2', 'also with the digest in the URL');
    }
  }
  await patch(client, location, 3, content.slice(3));
  t.is((await client.send('PUT', `${location}?digest=${digest}`)).status, 201);
});

test('Content-Range may be written as HTTP does', async (t) => {
  const { client } = await startTestRegistry(t);
  const location = await begin(client);
  for (const [range, part] of [
    ['bytes 0-2/*', content.slice(0, 3)],
    [`bytes 3-22/23`, content.slice(3)],
  ] as const) {
    const answer = await client.send('PATCH', location, { headers: { 'content-range': range }, body: part });
    t.is(answer.status, 202, range);
  }
  t.is((await client.send('PUT', `${location}?digest=${digest}`)).status, 201);
});

test('a chunk that is not as long as it says changes nothing', async (t) => {
  const { client } = await startTestRegistry(t);
  const location = await begin(client);
  await patch(client, location, 0, content.slice(0, 3));
  const bodies = [
    ['3-9', 'short', 'Content-Length says less'],
    ['3-4', 'longer', 'Content-Length says more'],
    ['3-9', Readable.from([Buffer.from('short')]), 'of unknown length, and less comes'],
    ['3-4', Readable.from([Buffer.from('longer')]), 'of unknown length, and more comes'],
  ] as const;
  for (const [range, body, reason] of bodies) {
    const answer = await client.send('PATCH', location, { headers: { 'content-range': range }, body });
    t.is(answer.status, 400, reason);
    t.is(answer.code, 'SIZE_INVALID', reason);
    t.is((await client.send('GET', location)).headers['range'], '0-2', reason);
  }
  await patch(client, location, 3, content.slice(3));
  t.is((await client.send('PUT', `${location}?digest=${digest}`)).status, 201);
  await isStored(t, client);
});

test('a digest that does not fit ends the upload with 400, however it was pushed', async (t) => {
  const { client, folder } = await startTestRegistry(t);
  for (const algorithm of ['sha256', 'sha512'] as const) {
    const wrong = digestOf(Buffer.from('something else'), algorithm);
    const streamed = await begin(client);
    await client.send('PATCH', streamed, { body: content });
    const put = await begin(client);
    for (const [method, path, body] of [
      ['POST', `/v2/app/blobs/uploads/?digest=${wrong}`, content],
      ['PUT', `${put}?digest=${wrong}`, content],
      ['PUT', `${streamed}?digest=${wrong}`, ''],
    ] as const) {
      const answer = await client.send(method, path, { body });
      t.is(answer.status, 400, path);
      t.is(answer.code, 'DIGEST_INVALID', path);
    }
    for (const location of [put, streamed]) t.is((await client.send('GET', location)).status, 404);
    t.is((await client.send('HEAD', `/v2/app/blobs/${wrong}`)).status, 404);
  }
  await until(async () => (await storedFiles(folder)).length === 0);
  t.pass('no bytes stay behind');
});

test('a digest that is malformed is refused before anything is read, and the session goes on', async (t) => {
  const { client } = await startTestRegistry(t);
  const location = await begin(client);
  for (const text of [
    '',
    'sha256:',
    'sha256:xyz',
    'md5:d41d8cd98f00b204e9800998ecf8427e',
    `${digest}0`,
    'a'.repeat(900),
  ]) {
    for (const [method, path] of [
      ['PUT', `${location}?digest=${text}`],
      ['POST', `/v2/app/blobs/uploads/?digest=${text}`],
    ] as const) {
      const answer = await client.send(method, path, { body: content });
      t.is(answer.status, 400, path);
      t.is(answer.code, 'DIGEST_INVALID', path);
    }
  }
  t.is((await client.send('PUT', location, { body: content })).code, 'DIGEST_INVALID', 'none at all');
  t.is((await client.send('PUT', `${location}?digest=${digest}`, { body: content })).status, 201);
});

test('digest-algorithm= announces the algorithm; an unknown one is refused', async (t) => {
  const { client } = await startTestRegistry(t);
  const begun = await client.send('POST', '/v2/app/blobs/uploads/?digest-algorithm=sha512');
  t.is(begun.status, 202);
  await client.send('PATCH', locationOf(begun), { body: content });
  const sha512 = digestOf(Buffer.from(content), 'sha512');
  t.is((await client.send('PUT', `${locationOf(begun)}?digest=${sha512}`)).status, 201);
  const refused = await client.send('POST', '/v2/app/blobs/uploads/?digest-algorithm=md5');
  t.is(refused.status, 400);
  t.is(refused.code, 'DIGEST_INVALID');
});

test('the algorithm may become known with the closing PUT only', async (t) => {
  const { client } = await startTestRegistry(t);
  const location = await begin(client);
  await client.send('PATCH', location, { body: content });
  const sha512 = digestOf(Buffer.from(content), 'sha512');
  t.is((await client.send('PUT', `${location}?digest=${sha512}`)).status, 201);
  t.is((await client.send('GET', `/v2/app/blobs/${sha512}`)).text, content);
});

test('DELETE cancels an upload and removes its bytes', async (t) => {
  const { client, folder } = await startTestRegistry(t);
  const location = await begin(client);
  await client.send('PATCH', location, { body: content });
  t.is((await storedFiles(folder)).length, 1);
  t.is((await client.send('DELETE', location)).status, 204);
  for (const method of ['GET', 'PATCH', 'PUT', 'DELETE']) {
    const answer = await client.send(method, `${location}?digest=${digest}`);
    t.is(answer.status, 404, method);
    t.is(answer.code, 'BLOB_UPLOAD_UNKNOWN', method);
  }
  await until(async () => (await storedFiles(folder)).length === 0);
  t.pass();
});

test('a session belongs to its repository', async (t) => {
  const { client } = await startTestRegistry(t);
  const location = (await begin(client)).replace('/app/', '/other/');
  const answer = await client.send('PATCH', location, { body: content });
  t.is(answer.status, 404);
  t.is(answer.code, 'BLOB_UPLOAD_UNKNOWN');
  const never = '/v2/app/blobs/uploads/00000000-0000-0000-0000-000000000000';
  t.is((await client.send('GET', never)).code, 'BLOB_UPLOAD_UNKNOWN');
  t.is((await client.send('GET', '/v2/app/blobs/uploads/..%2f..%2fetc')).code, 'BLOB_UPLOAD_UNKNOWN');
});

test('two pushes of the same new blob at the same time are both 201', async (t) => {
  const { client, running } = await startTestRegistry(t);
  const bytes = Buffer.alloc(300_000, 'same');
  const clients = await Promise.all(
    Array.from({ length: 4 }, async () => {
      const another = new TestClient(running.url, basic('admin', 'correct horse'));
      t.teardown(() => another.close());
      return another;
    }),
  );
  const pushed = await Promise.all(
    clients.map((another, index) => pushBlob(another, bytes, { into: `r${index % 2}` })),
  );
  t.is(new Set(pushed).size, 1);
  t.true((await client.send('GET', `/v2/r1/blobs/${pushed[0]}`)).bytes.equals(bytes));
});

test('a newer request on a session ends the older one, which most often is a dead connection', async (t) => {
  const { client, running } = await startTestRegistry(t, { limits: { checkpointBytes: 100_000 } });
  const long = 'long content '.repeat(30_000);
  const location = await begin(client);
  const stuck = new TestClient(running.url, basic('admin', 'correct horse'));
  t.teardown(() => stuck.close());
  const body = new PassThrough();
  const ended = t.throwsAsync(stuck.send('PATCH', location, { body }));
  body.write(long.slice(0, 300_000));
  await until(async () => Number(rangeEnd(await client.send('GET', location))) >= 99_999);
  // As a client does that lost its connection: ask how far it is, send the rest, and ask again if that is refused.
  const rest = async () => {
    const start = Number(rangeEnd(await client.send('GET', location))) + 1;
    return (await patch(client, location, start, long.slice(start))).status === 202;
  };
  await until(rest);
  await ended;
  const longDigest = digestOf(Buffer.from(long));
  t.is((await client.send('PUT', `${location}?digest=${longDigest}`)).status, 201);
  t.is((await client.send('GET', `/v2/app/blobs/${longDigest}`)).text, long);
});

test('a blob that is longer than the limit is refused with 413, announced or not', async (t) => {
  const { client, folder } = await startTestRegistry(t, { limits: { blobBytes: 1000 } });
  const long = Buffer.alloc(1001);
  const fitting = await pushBlob(client, Buffer.alloc(1000));
  t.is((await client.send('HEAD', `/v2/app/blobs/${fitting}`)).status, 200);
  for (const body of [long, Readable.from([long.subarray(1), long.subarray(0, 1)])]) {
    const answer = await client.send('POST', `/v2/app/blobs/uploads/?digest=${digestOf(long)}`, { body });
    t.is(answer.status, 413);
    t.is(answer.code, 'SIZE_INVALID');
  }
  const location = await begin(client);
  await patch(client, location, 0, 'x'.repeat(600));
  t.is((await patch(client, location, 600, 'x'.repeat(401))).status, 413, 'chunks together');
  t.is((await patch(client, location, 600, 'x'.repeat(400))).status, 202);
  t.is((await client.send('DELETE', location)).status, 204);
  await until(async () => (await storedFiles(folder)).length === 1);
});

test('an upload goes on in another process over the same data', async (t) => {
  const first = await startTestRegistry(t);
  const second = await startTestRegistry(t, { dataFolder: first.folder });
  const location = await begin(first.client);
  await patch(first.client, location, 0, content.slice(0, 5));
  t.is((await patch(second.client, location, 5, content.slice(5, 9))).status, 202);
  t.is((await patch(first.client, location, 9, content.slice(9))).status, 202);
  const done = await second.client.send('PUT', `${location}?digest=${digest}`);
  t.is(done.status, 201, done.text);
  await isStored(t, first.client);
});

test('while another process works on an upload it is refused with 429', async (t) => {
  const first = await startTestRegistry(t);
  const second = await startTestRegistry(t, { dataFolder: first.folder });
  const location = await begin(first.client);
  const body = new PassThrough();
  const sending = first.client.send('PATCH', location, { body });
  body.write(content);
  await until(async () => (await storedFiles(first.folder)).length === 1);
  const refused = await second.client.send('PATCH', location, { body: 'x' });
  t.is(refused.status, 429);
  t.is(refused.code, 'TOOMANYREQUESTS');
  t.regex(refused.headers['retry-after'] ?? '', /^\d+$/);
  body.end();
  t.is((await sending).status, 202);
  t.is((await second.client.send('PUT', `${location}?digest=${digest}`)).status, 201);
});

test('a long upload is noted as it goes', async (t) => {
  const first = await startTestRegistry(t, { limits: { checkpointBytes: 100_000 } });
  const location = await begin(first.client);
  const body = new PassThrough();
  const sending = first.client.send('PATCH', location, { body });
  body.write(Buffer.alloc(300_000));
  const second = await startTestRegistry(t, { dataFolder: first.folder });
  await until(async () => Number(rangeEnd(await second.client.send('GET', location))) >= 99_999);
  body.end();
  t.is(rangeEnd(await sending), '299999');
});

async function begin(client: TestClient): Promise<string> {
  return locationOf(await client.send('POST', '/v2/app/blobs/uploads/'));
}

async function patch(client: TestClient, location: string, start: number, body: string): Promise<Answer> {
  const range = `${start}-${start + body.length - 1}`;
  return client.send('PATCH', location, { headers: { 'content-range': range }, body });
}

function locationOf({ headers }: Answer): string {
  return headers['location'] as string;
}

function rangeEnd({ headers }: Answer): string | undefined {
  return headers['range']?.slice('0-'.length);
}

async function isStored(t: { is(a: unknown, b: unknown): void }, client: TestClient): Promise<void> {
  t.is((await client.send('GET', `/v2/app/blobs/${digest}`)).text, content);
}

async function storedFiles(folder: string): Promise<readonly string[]> {
  const files = await readdir(join(folder, 'storage'), { recursive: true, withFileTypes: true });
  return files.filter((file) => file.isFile()).map(({ name }) => name);
}

/** Waits for something that the registry does after its answer. */
async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition()));
}
