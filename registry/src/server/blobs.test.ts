import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { digestOf } from '@img/spec/digest';
import { mediaTypes } from '@img/spec/media-types';
import test from 'ava';
import { MemoryBlobStore } from '../storage/memory-blob-store.ts';
import { pushBlob, pushManifest, startTestRegistry } from './testing/test-registry.ts';

const content = '0123456789';
const digest = digestOf(Buffer.from(content));
const absent = digestOf(Buffer.from('absent'));

test('GET and HEAD of a blob carry length, digest and caching headers', async (t) => {
  const { client } = await startTestRegistry(t);
  for (const algorithm of ['sha256', 'sha512'] as const) {
    const asked = digestOf(Buffer.from(content), algorithm);
    await pushBlob(client, content, { digest: asked });
    for (const method of ['GET', 'HEAD']) {
      const { status, headers, text } = await client.send(method, `/v2/app/blobs/${asked}`);
      t.is(status, 200);
      t.is(text, method === 'GET' ? content : '');
      t.like(headers, {
        'content-length': '10',
        'content-type': mediaTypes.octetStream,
        'docker-content-digest': asked,
        etag: `"${asked}"`,
        'cache-control': 'max-age=31536000, immutable',
        'accept-ranges': 'bytes',
      });
      t.is(headers['transfer-encoding'], undefined);
    }
  }
});

test('blobs of no bytes and of many are served whole', async (t) => {
  const { client } = await startTestRegistry(t);
  for (const size of [0, 1, 5_000_011]) {
    const bytes = Buffer.alloc(size, 'many sizes ');
    const pushed = await pushBlob(client, bytes);
    const answer = await client.send('GET', `/v2/app/blobs/${pushed}`);
    t.is(answer.headers['content-length'], String(size));
    t.true(answer.bytes.equals(bytes), `${size} bytes`);
  }
});

const ranges = [
  ['bytes=2-4', 206, '234', 'bytes 2-4/10', 'both ends are included'],
  ['bytes=5-', 206, '56789', 'bytes 5-9/10', 'open end'],
  ['bytes=-3', 206, '789', 'bytes 7-9/10', 'the last bytes'],
  ['bytes=-30', 206, content, 'bytes 0-9/10', 'more last bytes than there are'],
  ['bytes=8-99', 206, '89', 'bytes 8-9/10', 'an end beyond the content is cut'],
  ['bytes=0-0', 206, '0', 'bytes 0-0/10', 'one byte'],
  ['BYTES=0-1', 206, '01', 'bytes 0-1/10', 'units are case-insensitive'],
  ['bytes=5-0', 416, undefined, 'bytes */10', 'the end before the beginning'],
  ['bytes=10-', 416, undefined, 'bytes */10', 'begins at the end'],
  ['bytes=50-60', 416, undefined, 'bytes */10', 'begins beyond the end'],
  ['bytes=-0', 416, undefined, 'bytes */10', 'no last bytes'],
  ['bytes=-', 416, undefined, 'bytes */10', 'no number at all'],
  ['bytes=a-b', 416, undefined, 'bytes */10', 'no numbers'],
  ['bytes=99999999999999999999-', 416, undefined, 'bytes */10', 'a number that is too long'],
  ['bytes=0-1,3-4', 200, content, undefined, 'several ranges may be answered with everything'],
  ['items=0-1', 200, content, undefined, 'another unit'],
  ['0-1', 200, content, undefined, 'no unit'],
] as const;

test('Range is answered as RFC 9110 says', async (t) => {
  const { client } = await startTestRegistry(t);
  await pushBlob(client, content);
  for (const [range, status, body, contentRange, reason] of ranges) {
    const answer = await client.send('GET', `/v2/app/blobs/${digest}`, { headers: { range } });
    t.is(answer.status, status, reason);
    t.is(answer.headers['content-range'], contentRange, reason);
    if (body !== undefined) t.is(answer.text, body, reason);
    else t.is(answer.code, 'SIZE_INVALID', reason);
    t.is(answer.headers['content-length'], String(answer.bytes.byteLength), reason);
  }
  const head = await client.send('HEAD', `/v2/app/blobs/${digest}`, { headers: { range: 'bytes=2-4' } });
  t.is(head.status, 206);
  t.is(head.headers['content-length'], '3');
});

test('If-None-Match and If-Range compare with the digest', async (t) => {
  const { client } = await startTestRegistry(t);
  await pushBlob(client, content);
  const get = (headers: { [name: string]: string }) =>
    client.send('GET', `/v2/app/blobs/${digest}`, { headers });
  t.is((await get({ 'if-none-match': `"${digest}"` })).status, 304);
  t.is((await get({ 'if-none-match': `"${absent}", W/"${digest}"` })).status, 304);
  t.is((await get({ 'if-none-match': `"${absent}"` })).status, 200);
  t.is((await get({ range: 'bytes=0-1', 'if-range': `"${digest}"` })).status, 206);
  t.is((await get({ range: 'bytes=0-1', 'if-range': `"${absent}"` })).status, 200);
});

test('a blob belongs to the repository that it was pushed to', async (t) => {
  const { client } = await startTestRegistry(t);
  await pushBlob(client, content);
  for (const path of [
    `/v2/other/blobs/${digest}`,
    `/v2/app/blobs/${absent}`,
    `/v2/nowhere/blobs/${absent}`,
  ]) {
    for (const method of ['GET', 'HEAD', 'DELETE']) {
      const answer = await client.send(method, path);
      t.is(answer.status, 404, `${method} ${path}`);
      if (method !== 'HEAD') t.is(answer.code, 'BLOB_UNKNOWN');
    }
  }
});

test('a digest may be written with %3A', async (t) => {
  const { client } = await startTestRegistry(t);
  await pushBlob(client, content);
  t.is((await client.send('GET', `/v2/app/blobs/${digest.replace(':', '%3A')}`)).text, content);
});

test('DELETE takes the blob from one repository, at once', async (t) => {
  const { client } = await startTestRegistry(t);
  await pushBlob(client, content);
  await pushBlob(client, content, { into: 'other' });
  const answer = await client.send('DELETE', `/v2/app/blobs/${digest}`);
  t.is(answer.status, 202);
  t.is(answer.headers['content-length'], '0');
  t.is((await client.send('HEAD', `/v2/app/blobs/${digest}`)).status, 404);
  t.is((await client.send('DELETE', `/v2/app/blobs/${digest}`)).status, 404);
  t.is((await client.send('GET', `/v2/other/blobs/${digest}`)).text, content);
  await pushBlob(client, content);
  t.is((await client.send('GET', `/v2/app/blobs/${digest}`)).text, content, 'pushed again');
});

test('DELETE spares a blob that a manifest needs and says which', async (t) => {
  const { client } = await startTestRegistry(t);
  await pushBlob(client, content);
  const config = { mediaType: mediaTypes.ociEmpty, digest: await pushBlob(client, '{}'), size: 2 };
  const layers = [{ mediaType: mediaTypes.ociLayer, digest, size: content.length }];
  const image = { schemaVersion: 2, mediaType: mediaTypes.ociManifest, config, layers };
  const { digest: manifest } = await pushManifest(client, image);
  const answer = await client.send('DELETE', `/v2/app/blobs/${digest}`);
  t.is(answer.status, 405);
  t.is(answer.code, 'UNSUPPORTED');
  t.regex(answer.text, new RegExp(manifest));
  t.is((await client.send('DELETE', `/v2/app/manifests/${manifest}`)).status, 202);
  t.is((await client.send('DELETE', `/v2/app/blobs/${digest}`)).status, 202);
});

test('POST mounts a blob of another repository', async (t) => {
  const { client } = await startTestRegistry(t);
  await pushBlob(client, content, { into: 'source' });
  const mount = (query: string) => client.send('POST', `/v2/app/blobs/uploads/?${query}`);
  for (const query of [`mount=${digest}&from=source`, `mount=${digest}`]) {
    const answer = await mount(query);
    t.is(answer.status, 201, query);
    t.is(answer.headers['location'], `/v2/app/blobs/${digest}`);
    t.is(answer.headers['docker-content-digest'], digest);
    t.is((await client.send('GET', answer.headers['location'] as string)).text, content);
    t.is((await client.send('DELETE', `/v2/app/blobs/${digest}`)).status, 202);
  }
});

test('POST with a mount that can not be done begins an upload instead', async (t) => {
  const { client } = await startTestRegistry(t);
  await pushBlob(client, content, { into: 'source' });
  for (const query of [
    `mount=${absent}&from=source`,
    `mount=${absent}`,
    `mount=${digest}&from=nowhere`,
    `mount=${digest}&from=app`,
  ]) {
    const answer = await client.send('POST', `/v2/app/blobs/uploads/?${query}`);
    t.is(answer.status, 202, query);
    t.regex(answer.headers['location'] ?? '', /^\/v2\/app\/blobs\/uploads\/[0-9a-f-]{36}$/);
  }
  t.is((await client.send('HEAD', `/v2/app/blobs/${digest}`)).status, 404);
});

test('POST refuses a mount that is malformed', async (t) => {
  const { client } = await startTestRegistry(t);
  const cases = [
    [`mount=sha256:abc&from=app`, 'DIGEST_INVALID'],
    [`mount=`, 'DIGEST_INVALID'],
    [`mount=md5:d41d8cd98f00b204e9800998ecf8427e`, 'DIGEST_INVALID'],
    [`mount=${digest}&from=UPPER`, 'NAME_INVALID'],
    [`mount=${digest}&from=../x`, 'NAME_INVALID'],
    [`mount=${digest}&from=`, 'NAME_INVALID'],
  ] as const;
  for (const [query, code] of cases) {
    const answer = await client.send('POST', `/v2/app/blobs/uploads/?${query}`);
    t.is(answer.status, 400, query);
    t.is(answer.code, code, query);
  }
});

test('a blob whose bytes are lost is answered 500 and healed by the next push', async (t) => {
  const { client, folder } = await startTestRegistry(t);
  await pushBlob(client, content);
  for (const file of await readdir(join(folder, 'storage', 'blobs'), {
    recursive: true,
    withFileTypes: true,
  })) {
    if (file.isFile()) await rm(join(file.parentPath, file.name));
  }
  const answer = await client.send('GET', `/v2/app/blobs/${digest}`);
  t.is(answer.status, 500);
  t.is(answer.code, 'UNKNOWN');
  t.is(answer.headers['etag'], undefined, 'the headers of the content are gone');
  t.is(answer.headers['cache-control'], undefined);
  t.true(answer.text.includes(answer.headers['x-request-id'] as string));
  await pushBlob(client, content);
  t.is((await client.send('GET', `/v2/app/blobs/${digest}`)).text, content);
});

test('a blob that is shorter than it should be breaks the connection', async (t) => {
  class Short extends MemoryBlobStore {
    override async send(...[key, sink]: Parameters<MemoryBlobStore['send']>): Promise<void> {
      await super.send(key, sink, { length: 3 });
    }
  }
  const { client } = await startTestRegistry(t, { blobs: new Short() });
  await pushBlob(client, content);
  await t.throwsAsync(client.send('GET', `/v2/app/blobs/${digest}`));
  t.is((await client.send('GET', '/v2/')).status, 200, 'others are served on');
});
