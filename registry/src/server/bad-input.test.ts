import { digestOf } from '@img/spec/digest';
import { isProtocolErrorCode } from '@img/spec/protocol-error';
import test from 'ava';
import fc from 'fast-check';
import { pushBlob, startTestRegistry } from './testing/test-registry.ts';

const digest = digestOf(Buffer.from('content'));

const names = [
  ['UPPER', 'upper case'],
  ['a//b', 'an empty part'],
  ['-a', 'begins with a separator'],
  ['a-', 'ends with a separator'],
  ['a..b', 'two dots'],
  ['a%2Fb', 'an encoded slash'],
  ['%2e%2e', 'encoded dots'],
  ['..', 'dots'],
  ['a b', 'a space'],
  ['a\\b', 'a backslash'],
  ['ä', 'not ASCII'],
  ['%00', 'a NUL'],
  ['a'.repeat(256), 'too long'],
  [`${'a/'.repeat(130)}a`, 'too long with parts'],
] as const;

test('a name that is none is refused with 400 NAME_INVALID, with credentials or without', async (t) => {
  const { client, anonymous } = await startTestRegistry(t);
  for (const [name, reason] of names) {
    for (const path of ['tags/list', 'manifests/v1', `blobs/${digest}`, `referrers/${digest}`]) {
      for (const sender of [client, anonymous]) {
        const answer = await sender.send('GET', `/v2/${encodeURI(decodeOnce(name))}/${path}`);
        t.is(answer.status, 400, `${reason}: ${path}`);
        t.is(answer.code, 'NAME_INVALID', `${reason}: ${path}`);
      }
    }
  }
});

test('a path that is no route is 404, a method that a route does not have 405', async (t) => {
  const { client } = await startTestRegistry(t);
  for (const path of [
    '/v1/',
    '/v2/app',
    '/v2/app/tags',
    '/v2//tags/list',
    '/v2/app/blobs',
    '/v2x/',
    '/favicon.ico',
  ]) {
    t.is((await client.send('GET', path)).status, 404, path);
  }
  for (const [method, path, allow] of [
    ['POST', '/v2/', 'GET, HEAD'],
    ['PUT', `/v2/app/blobs/${digest}`, 'GET, HEAD, DELETE'],
    ['GET', '/v2/app/blobs/uploads/', 'POST'],
    ['PATCH', '/v2/app/manifests/v1', 'GET, HEAD, PUT, DELETE'],
    ['DELETE', '/v2/app/tags/list', 'GET'],
    ['OPTIONS', '/v2/', 'GET, HEAD'],
    ['DELETE', '/token', 'GET, POST'],
  ] as const) {
    const answer = await client.send(method, path);
    t.is(answer.status, 405, path);
    t.is(answer.code, 'UNSUPPORTED');
    t.is(answer.headers['allow'], allow);
  }
});

test('a parameter that is not percent-encoded is refused', async (t) => {
  const { client } = await startTestRegistry(t);
  for (const path of ['/v2/app/manifests/%zz', '/v2/app/blobs/%', '/v2/app/blobs/uploads/%e0%a4%a']) {
    t.is((await client.send('GET', path)).status, 400, path);
  }
});

const methods = fc.constantFrom('GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE');
const texts = fc.oneof(
  fc.constantFrom(
    'app',
    'v1',
    digest,
    'sha256:abc',
    '..',
    '%00',
    '%',
    'a'.repeat(300),
    '',
    'uploads',
    '_catalog',
    '__proto__',
  ),
  fc.webSegment(),
);
const paths = fc
  .tuple(
    // Pages are answered in words; see web/.
    fc.constantFrom('/v2/', '/v2/app/', '/token', '/nowhere'),
    fc.array(fc.oneof(texts, fc.constantFrom('blobs', 'manifests', 'tags', 'list', 'referrers', 'uploads')), {
      maxLength: 5,
    }),
    fc.array(
      fc.tuple(
        fc.constantFrom(
          'n',
          'last',
          'digest',
          'mount',
          'from',
          'tag',
          'artifactType',
          'digest-algorithm',
          'scope',
        ),
        texts,
      ),
      { maxLength: 4 },
    ),
  )
  .map(([base, segments, query]) => {
    const search = query.map(([key, value]) => `${key}=${value}`).join('&');
    return `${base}${segments.join('/')}${search === '' ? '' : `?${search}`}`;
  });
const values = fc.oneof(
  fc.constantFrom(
    'bytes=0-1',
    '0-5',
    'bytes 0-5/6',
    '*',
    `"${digest}"`,
    'application/vnd.oci.image.index.v1+json',
  ),
  fc.string({ unit: fc.constantFrom(...'abc019-=,/;:*" ') }),
);
const headers = fc.dictionary(
  fc.constantFrom(
    'range',
    'content-range',
    'content-type',
    'accept',
    'if-match',
    'if-none-match',
    'if-range',
    'x-forwarded-for',
  ),
  values,
);
const bodies = fc.oneof(fc.string(), fc.json(), fc.constant('content'));

test('no request is answered 500, and every refusal has a code of the specification', async (t) => {
  const { client } = await startTestRegistry(t);
  await pushBlob(client, 'content');
  const request = fc.asyncProperty(methods, paths, headers, bodies, async (method, path, sent, body) => {
    const hasBody = method !== 'GET' && method !== 'HEAD';
    const answer = await client.send(method, path, { headers: sent, ...(hasBody ? { body } : {}) });
    if (answer.status >= 500) return false;
    return answer.status < 400 || method === 'HEAD' || isProtocolErrorCode(answer.code ?? '');
  });
  await fc.assert(request, { numRuns: 1000 });
  t.is((await client.send('GET', `/v2/app/blobs/${digest}`)).text, 'content');
});

function decodeOnce(name: string): string {
  // encodeURI() would encode the percent sign of what is encoded already.
  return name.includes('%')
    ? decodeURIComponent(name.replaceAll('%2F', '%252F').replaceAll('%2e', '%252e'))
    : name;
}
