import { digestOf } from '@img/spec/digest';
import { mediaTypes } from '@img/spec/media-types';
import test from 'ava';
import type { Answer, TestClient } from './testing/test-client.ts';
import { pushBlob, pushManifest, startTestRegistry } from './testing/test-registry.ts';

const tags = ['1.0', 'V1', '_x', 'latest', 'v1', 'v1-alpine', 'v10'];
const index = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [] };

test('the tags of a repository are listed in byte order, in pages', async (t) => {
  const { client } = await startTestRegistry(t);
  for (const tag of tags.toReversed()) await pushManifest(client, index, { reference: tag });
  const cases = [
    ['', tags, undefined, 'all'],
    ['?n=3', tags.slice(0, 3), '?n=3&last=_x', 'the first page'],
    ['?n=3&last=_x', tags.slice(3, 6), '?n=3&last=v1-alpine', 'the second page'],
    ['?n=3&last=v1-alpine', tags.slice(6), undefined, 'the last page has no next one'],
    ['?last=v1', tags.slice(5), undefined, 'last without n'],
    ['?last=m', tags.slice(4), undefined, 'last need not exist'],
    ['?last=zzz', [], undefined, 'nothing is behind'],
    ['?n=0', [], undefined, 'none wanted, and no link'],
    ['?n=7', tags, undefined, 'exactly all'],
    ['?n=999999999999', tags, undefined, 'a count that is too large is cut'],
  ] as const;
  for (const [query, expected, next, reason] of cases) {
    const answer = await client.send('GET', `/v2/app/tags/list${query}`);
    t.is(answer.status, 200, reason);
    t.deepEqual(answer.json, { name: 'app', tags: expected }, reason);
    t.is(linkOf(answer), next === undefined ? undefined : `/v2/app/tags/list${next}`, reason);
    t.is(answer.headers['content-length'], String(answer.bytes.byteLength));
  }
});

test('a list request with a count that is none is refused', async (t) => {
  const { client } = await startTestRegistry(t);
  await pushManifest(client, index);
  for (const n of ['-1', 'abc', '1.5', '', '1e3', ' 1', '9'.repeat(99)]) {
    for (const path of [
      '/v2/app/tags/list',
      '/v2/_catalog',
      `/v2/app/referrers/${digestOf(Buffer.from(''))}`,
    ]) {
      const answer = await client.send('GET', `${path}?n=${encodeURIComponent(n)}`);
      t.is(answer.status, 400, `${path} ${n}`);
      t.is(answer.code, 'UNSUPPORTED');
    }
  }
});

test('a repository without tags has an empty list, one that does not exist is unknown', async (t) => {
  const { client } = await startTestRegistry(t);
  await pushManifest(client, index);
  t.deepEqual((await client.send('GET', '/v2/app/tags/list')).json, { name: 'app', tags: [] });
  const unknown = await client.send('GET', '/v2/nowhere/tags/list');
  t.is(unknown.status, 404);
  t.is(unknown.code, 'NAME_UNKNOWN');
});

test('the catalog lists repositories that hold a manifest, in pages', async (t) => {
  const { client } = await startTestRegistry(t);
  for (const into of ['b', 'a/b', 'a']) await pushManifest(client, index, { into });
  await pushBlob(client, 'only a blob', { into: 'c' });
  t.deepEqual((await client.send('GET', '/v2/_catalog')).json, { repositories: ['a', 'a/b', 'b'] });
  const page = await client.send('GET', '/v2/_catalog?n=2');
  t.deepEqual(page.json, { repositories: ['a', 'a/b'] });
  t.is(linkOf(page), '/v2/_catalog?n=2&last=a%2Fb');
  t.deepEqual((await client.send('GET', linkOf(page) as string)).json, { repositories: ['b'] });
});

test('referrers are an index, empty for what does not exist, 400 for what can not', async (t) => {
  const { client } = await startTestRegistry(t);
  const nothing = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [] };
  await pushManifest(client, index);
  for (const path of ['/v2/app/referrers/', '/v2/nowhere/referrers/']) {
    for (const algorithm of ['sha256', 'sha512'] as const) {
      const answer = await client.send('GET', `${path}${digestOf(Buffer.from('absent'), algorithm)}`);
      t.is(answer.status, 200);
      t.is(answer.headers['content-type'], mediaTypes.ociIndex);
      t.deepEqual(answer.json, nothing);
    }
    for (const text of ['sha256:abc', 'latest', 'md5:d41d8cd98f00b204e9800998ecf8427e']) {
      const answer = await client.send('GET', `${path}${text}`);
      t.is(answer.status, 400);
      t.is(answer.code, 'DIGEST_INVALID');
    }
  }
});

test('referrers are listed at once, filtered, in pages whose links keep the filter', async (t) => {
  const { client } = await startTestRegistry(t);
  const subject = { mediaType: mediaTypes.ociManifest, digest: digestOf(Buffer.from('subject')), size: 7 };
  const pushed = [];
  for (const number of [1, 2, 3, 4]) {
    const artifactType = number === 4 ? 'a/other+json' : 'a/type+json';
    const annotations = { number: String(number) };
    const { digest, size } = await pushManifest(client, { ...index, subject, artifactType, annotations });
    pushed.push({ mediaType: mediaTypes.ociIndex, digest, size, annotations, artifactType });
  }
  pushed.sort((a, b) => (a.digest < b.digest ? -1 : 1));
  const path = `/v2/app/referrers/${subject.digest}`;
  t.deepEqual(manifestsOf(await client.send('GET', path)), pushed);
  const wanted = pushed.filter(({ artifactType }) => artifactType === 'a/type+json');
  for (const written of ['a/type%2Bjson', 'a/type+json', 'a%2Ftype%2Bjson']) {
    const answer = await client.send('GET', `${path}?artifactType=${written}`);
    t.deepEqual(manifestsOf(answer), wanted, written);
    t.is(answer.headers['oci-filters-applied'], 'artifactType');
  }
  const found = [];
  let next: string | undefined = `${path}?artifactType=a/type%2Bjson&n=2`;
  while (next !== undefined) {
    const answer: Answer = await client.send('GET', next);
    t.is(answer.headers['oci-filters-applied'], 'artifactType');
    found.push(...manifestsOf(answer));
    next = linkOf(answer);
  }
  t.deepEqual(found, wanted);
  await client.send('DELETE', `/v2/app/manifests/${pushed[0]?.digest}`);
  t.deepEqual(manifestsOf(await client.send('GET', path)), pushed.slice(1), 'a deleted one disappears');
});

test('referrers with annotations of megabytes come in pages that are no longer than a manifest', async (t) => {
  const { client } = await startTestRegistry(t);
  const subject = { mediaType: mediaTypes.ociManifest, digest: digestOf(Buffer.from('subject')), size: 7 };
  for (const number of [1, 2, 3]) {
    await pushManifest(client, {
      ...index,
      subject,
      annotations: { long: String(number).repeat(3_000_000) },
    });
  }
  let count = 0;
  let next: string | undefined = `/v2/app/referrers/${subject.digest}`;
  while (next !== undefined) {
    const answer: Answer = await client.send('GET', next);
    t.true(answer.bytes.byteLength <= 4 * 1024 * 1024);
    count += manifestsOf(answer).length;
    next = linkOf(answer);
  }
  t.is(count, 3);
});

test('extensions are listed for the registry and for repositories', async (t) => {
  const { client } = await startTestRegistry(t);
  for (const path of ['/v2/_oci/ext/discover', '/v2/app/_oci/ext/discover']) {
    const answer = await client.send('GET', path);
    t.is(answer.status, 200);
    t.like(answer.json, { extensions: [{ name: '_oci', endpoints: ['_oci/ext/discover'] }] });
  }
});

test('names that look like routes are names', async (t) => {
  const { client } = await startTestRegistry(t);
  for (const into of ['x/manifests/y', 'a/blobs/uploads', 'tags/list', 'v2', 'token']) {
    const digest = await pushBlob(client, 'content', { into });
    t.is((await client.send('GET', `/v2/${into}/blobs/${digest}`)).text, 'content', into);
    await pushManifest(client, index, { into, reference: 'v1' });
    t.deepEqual((await client.send('GET', `/v2/${into}/tags/list`)).json, { name: into, tags: ['v1'] });
  }
});

function manifestsOf(answer: Answer): readonly unknown[] {
  return (answer.json as { manifests: readonly unknown[] }).manifests;
}

function linkOf({ headers }: Awaited<ReturnType<TestClient['send']>>): string | undefined {
  return /^<([^>]+)>; rel="next"$/.exec(headers['link'] ?? '')?.[1];
}
