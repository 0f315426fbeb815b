import { digestOf } from '@img/spec/digest';
import { mediaTypes } from '@img/spec/media-types';
import test from 'ava';
import type { TestClient } from './testing/test-client.ts';
import { pushBlob, pushManifest, startTestRegistry } from './testing/test-registry.ts';

const absent = digestOf(Buffer.from('absent'));

test('a manifest comes back byte for byte, by tag and digest, with its headers', async (t) => {
  const { client } = await startTestRegistry(t);
  const bytes = Buffer.from(`${JSON.stringify(await image(client), undefined, 3)}\n`);
  const digest = digestOf(bytes);
  const put = await client.send('PUT', '/v2/app/manifests/v1', {
    body: bytes,
    headers: { 'content-type': `${mediaTypes.ociManifest}; charset=utf-8` },
  });
  t.is(put.status, 201);
  t.like(put.headers, {
    location: `/v2/app/manifests/${digest}`,
    'docker-content-digest': digest,
    'content-length': '0',
  });
  t.is(put.headers['warning'], undefined);
  for (const [reference, caching] of [
    ['v1', 'no-cache'],
    [digest, 'max-age=31536000, immutable'],
  ] as const) {
    for (const method of ['GET', 'HEAD']) {
      const answer = await client.send(method, `/v2/app/manifests/${reference}`, {
        headers: { accept: 'text/html' },
      });
      t.is(answer.status, 200);
      t.true(answer.bytes.equals(method === 'GET' ? bytes : Buffer.alloc(0)));
      t.like(answer.headers, {
        'content-type': mediaTypes.ociManifest,
        'content-length': String(bytes.byteLength),
        'docker-content-digest': digest,
        etag: `"${digest}"`,
        'cache-control': caching,
      });
    }
    const known = await client.send('GET', `/v2/app/manifests/${reference}`, {
      headers: { 'if-none-match': `"${digest}"` },
    });
    t.is(known.status, 304);
  }
});

test('a manifest of 4 MiB is taken, a longer one refused with 413', async (t) => {
  const { client } = await startTestRegistry(t);
  const padded = async (size: number) => {
    const manifest = { ...(await image(client)), annotations: { padding: '' } };
    manifest.annotations.padding = 'x'.repeat(size - JSON.stringify(manifest).length);
    return Buffer.from(JSON.stringify(manifest));
  };
  const put = (body: Buffer) => client.send('PUT', '/v2/app/manifests/v1', { body });
  t.is((await put(await padded(4 * 1024 * 1024))).status, 201);
  const refused = await put(await padded(4 * 1024 * 1024 + 1));
  t.is(refused.status, 413);
  t.is(refused.code, 'MANIFEST_INVALID');
});

test('a push by digest checks the bytes in the algorithm of the digest', async (t) => {
  const { client } = await startTestRegistry(t);
  const manifest = await image(client);
  for (const algorithm of ['sha256', 'sha512'] as const) {
    const bytes = Buffer.from(JSON.stringify(manifest));
    const digest = digestOf(bytes, algorithm);
    const put = (body: Buffer) => client.send('PUT', `/v2/app/manifests/${digest}`, { body });
    const refused = await put(Buffer.concat([bytes, Buffer.from(' ')]));
    t.is(refused.status, 400);
    t.is(refused.code, 'DIGEST_INVALID');
    t.is((await put(bytes)).headers['docker-content-digest'], digest);
    t.is((await client.send('GET', `/v2/app/manifests/${digest}`)).headers['docker-content-digest'], digest);
  }
});

test('?tag= points several tags at a manifest, which keeps its own algorithm', async (t) => {
  const { client } = await startTestRegistry(t);
  const bytes = Buffer.from(JSON.stringify(await image(client)));
  const digest = digestOf(bytes, 'sha512');
  const tags = Array.from({ length: 12 }, (_, index) => `v${index}`);
  const query = [...tags, 'v3'].map((tag) => `tag=${tag}`).join('&');
  const answer = await client.send('PUT', `/v2/app/manifests/${digest}?${query}`, { body: bytes });
  t.is(answer.status, 201);
  t.deepEqual(answer.headers['oci-tag']?.split(', '), tags);
  for (const tag of tags) {
    t.is((await client.send('HEAD', `/v2/app/manifests/${tag}`)).headers['docker-content-digest'], digest);
  }
  const many = Array.from({ length: 101 }, (_, index) => `tag=t${index}`).join('&');
  const tooMany = await client.send('PUT', `/v2/app/manifests/${digest}?${many}`, { body: bytes });
  t.is(tooMany.status, 414);
  const invalid = await client.send('PUT', `/v2/app/manifests/${digest}?tag=-bad`, { body: bytes });
  t.is(invalid.status, 400);
  t.is(invalid.code, 'MANIFEST_INVALID');
});

test('what a manifest points at may be missing; the answer warns', async (t) => {
  const { client } = await startTestRegistry(t);
  const config = { mediaType: mediaTypes.ociConfig, digest: absent, size: 5 };
  const foreign = {
    mediaType: mediaTypes.dockerLayerForeignGzip,
    digest: digestOf(Buffer.from('f')),
    size: 1,
  };
  const sparse = { schemaVersion: 2, mediaType: mediaTypes.ociManifest, config, layers: [foreign] };
  const { answer } = await pushManifest(client, sparse);
  t.is(
    answer.headers['warning'],
    `299 - "the repository doesn't have ${absent}, which the manifest points at"`,
  );
  const children = Array.from({ length: 500 }, (_, index) => {
    return { mediaType: mediaTypes.ociManifest, digest: digestOf(Buffer.from(`${index}`)), size: 1 };
  });
  const index = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: children };
  const warning = (await pushManifest(client, index)).answer.headers['warning'] ?? '';
  t.regex(warning, /and 499 more/);
  t.true(Buffer.byteLength(warning) <= 4096);
});

test('what a manifest points at must have the size that it says', async (t) => {
  const { client } = await startTestRegistry(t);
  const digest = await pushBlob(client, 'layer');
  const layers = [{ mediaType: mediaTypes.ociLayer, digest, size: 6 }];
  const answer = await client.send('PUT', '/v2/app/manifests/v1', {
    body: JSON.stringify({ ...(await image(client)), layers }),
  });
  t.is(answer.status, 400);
  t.is(answer.code, 'MANIFEST_INVALID');
  t.is((await client.send('GET', '/v2/app/manifests/v1')).status, 404, 'nothing was stored');
});

test('a subject is confirmed by OCI-Subject, on images and indexes, by tag and digest', async (t) => {
  const { client } = await startTestRegistry(t);
  const subject = { mediaType: mediaTypes.ociManifest, digest: absent, size: 3 };
  const index = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [], subject };
  for (const manifest of [{ ...(await image(client)), subject }, index]) {
    for (const reference of ['v1', undefined]) {
      const { answer } = await pushManifest(client, manifest, reference === undefined ? {} : { reference });
      t.is(answer.headers['oci-subject'], absent);
    }
  }
});

test('a tag is deleted alone, a manifest with its tags, both at once for everybody', async (t) => {
  const { client } = await startTestRegistry(t);
  const { digest } = await pushManifest(client, await image(client), { reference: 'v1' });
  await pushManifest(client, await image(client), { reference: 'v2' });
  const remove = (reference: string) => client.send('DELETE', `/v2/app/manifests/${reference}`);
  const status = async (reference: string) =>
    (await client.send('GET', `/v2/app/manifests/${reference}`)).status;
  t.is((await remove('v1')).status, 202);
  t.deepEqual([await status('v1'), await status('v2'), await status(digest)], [404, 200, 200]);
  t.is((await remove('v1')).status, 404);
  t.is((await remove(digest)).status, 202);
  t.deepEqual([await status('v2'), await status(digest)], [404, 404]);
  const again = await remove(digest);
  t.is(again.status, 404);
  t.is(again.code, 'MANIFEST_UNKNOWN');
});

test('an index protects its children from deletion', async (t) => {
  const { client } = await startTestRegistry(t);
  const { digest, size } = await pushManifest(client, await image(client), { reference: 'v1' });
  const child = { mediaType: mediaTypes.ociManifest, digest, size };
  const index = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [child] };
  const parent = await pushManifest(client, index);
  const refused = await client.send('DELETE', `/v2/app/manifests/${digest}`);
  t.is(refused.status, 405);
  t.is(refused.code, 'UNSUPPORTED');
  t.regex(refused.text, new RegExp(parent.digest));
  t.is((await client.send('GET', '/v2/app/manifests/v1')).status, 200);
  t.is((await client.send('DELETE', `/v2/app/manifests/${parent.digest}`)).status, 202);
  t.is((await client.send('DELETE', `/v2/app/manifests/${digest}`)).status, 202);
});

test('If-Match and If-None-Match keep two clients from undoing each other', async (t) => {
  const { client } = await startTestRegistry(t);
  const first = await pushManifest(client, await image(client, 'first'), { reference: 'v1' });
  const put = async (content: string, headers: { [name: string]: string }, tag = 'v1') => {
    const body = JSON.stringify(await image(client, content));
    return client.send('PUT', `/v2/app/manifests/${tag}`, { body, headers });
  };
  t.is((await put('other', { 'if-none-match': '*' })).status, 412, 'there is one already');
  t.is((await put('other', { 'if-match': `"${absent}"` })).status, 412, 'it is another one');
  t.is((await put('other', { 'if-match': '*' }, 'v2')).status, 412, 'there is none');
  t.is((await client.send('HEAD', '/v2/app/manifests/v1')).headers['docker-content-digest'], first.digest);
  t.is((await put('new', { 'if-none-match': '*' }, 'v2')).status, 201);
  t.is((await put('other', { 'if-match': `"${first.digest}"` })).status, 201);
  t.is((await put('other again', { 'if-match': `"${first.digest}"` })).status, 412, 'no longer the first');
});

const refusals = [
  ['', 'no bytes'],
  ['{', 'no JSON'],
  ['[]', 'no object'],
  ['null', 'null'],
  ['{}', 'no version'],
  ['{"schemaVersion":1}', 'the format of 2013'],
  ['{"schemaVersion":2,"schemaVersion":2}', 'a key twice'],
  [`${'['.repeat(100_000)}`, 'nested too deep'],
  ['{"schemaVersion":2,"manifests":[],"layers":[]}', 'an index or an image'],
  ['{"schemaVersion":2,"mediaType":"application/json"}', 'no type of a manifest'],
  [`{"schemaVersion":2,"mediaType":"${mediaTypes.ociManifest}"}`, 'an image without config'],
  [
    `{"schemaVersion":2,"manifests":[{"digest":"${absent}","size":-1,"mediaType":"a/b"}]}`,
    'a size below zero',
  ],
  [
    `{"schemaVersion":2,"manifests":[{"digest":"sha256:x","size":1,"mediaType":"a/b"}]}`,
    'a digest that is none',
  ],
  ['\ufeff{"schemaVersion":2,"manifests":[]}', 'a byte order mark'],
] as const;

test('a manifest that is none is refused with 400', async (t) => {
  const { client } = await startTestRegistry(t);
  for (const [body, reason] of refusals) {
    const answer = await client.send('PUT', '/v2/app/manifests/v1', { body });
    t.is(answer.status, 400, reason);
    t.is(answer.code, 'MANIFEST_INVALID', reason);
  }
  const body = JSON.stringify(await image(client));
  for (const type of [
    mediaTypes.ociIndex,
    'application/vnd.docker.distribution.manifest.v1+json',
    'x',
    'a/b',
  ]) {
    const answer = await client.send('PUT', '/v2/app/manifests/v1', {
      body,
      headers: { 'content-type': type },
    });
    t.is(answer.code, 'MANIFEST_INVALID', `content type ${type}`);
  }
  for (const type of ['application/json', 'application/octet-stream', mediaTypes.ociManifest.toUpperCase()]) {
    const answer = await client.send('PUT', '/v2/app/manifests/v1', {
      body,
      headers: { 'content-type': type },
    });
    t.is(answer.status, 201, `content type ${type}`);
  }
});

test('a reference that is neither tag nor digest is refused with 400', async (t) => {
  const { client } = await startTestRegistry(t);
  const body = JSON.stringify(await image(client));
  for (const reference of [
    'sha256:baddigeststring',
    'md5:abc',
    '-tag',
    '.tag',
    'ä',
    'a b',
    't'.repeat(129),
    '%00',
  ]) {
    for (const method of ['GET', 'HEAD', 'PUT', 'DELETE']) {
      const path = `/v2/app/manifests/${encodeURI(reference)}`;
      const answer = await client.send(method, path, method === 'PUT' ? { body } : {});
      t.is(answer.status, 400, `${method} ${reference}`);
    }
  }
});

async function image(client: TestClient, content = '{}') {
  const digest = await pushBlob(client, content);
  const config = { mediaType: mediaTypes.ociConfig, digest, size: content.length };
  return { schemaVersion: 2, mediaType: mediaTypes.ociManifest, config, layers: [] };
}
