import test from 'ava';
import fc from 'fast-check';
import { digestOf, parseDigest } from './digest.ts';
import { parseRepositoryName } from './repository-name.ts';
import {
  matchRoute,
  parseManifestReference,
  type RouteId,
  referrersTag,
  routePath,
  routeTable,
} from './routes.ts';
import { isTag, parseTag } from './tag.ts';

const digest = parseDigest(`sha256:${'a'.repeat(64)}`);

const found: readonly [path: string, id: RouteId, name: string, parameter: string, reason: string][] = [
  ['/v2/', 'base', '', '', 'as distribution-spec writes it'],
  ['/v2', 'base', '', '', 'without the slash'],
  ['/v2/_catalog', 'catalog', '', '', 'legacy list'],
  ['/v2/_oci/ext/discover', 'extensions', '', '', 'extensions of the registry'],
  ['/v2/a/_oci/ext/discover', 'repositoryExtensions', 'a', '', 'extensions of a repository'],
  [`/v2/app/blobs/${digest}`, 'blob', 'app', digest, 'a blob'],
  ['/v2/a/b/blobs/uploads/', 'uploads', 'a/b', '', 'a name with a slash'],
  ['/v2/a/b/blobs/uploads', 'uploads', 'a/b', '', 'without the slash, which is no blob "uploads"'],
  ['/v2/a/blobs/uploads/123', 'upload', 'a', '123', 'a session'],
  ['/v2/app/manifests/1.0', 'manifest', 'app', '1.0', 'a tag'],
  [`/v2/app/manifests/${digest}`, 'manifest', 'app', digest, 'a digest'],
  ['/v2/app/tags/list', 'tags', 'app', '', 'tags'],
  [`/v2/app/referrers/${digest}`, 'referrers', 'app', digest, 'referrers'],
  ['/v2/x/manifests/y/manifests/z', 'manifest', 'x/manifests/y', 'z', 'words of routes inside a name'],
  ['/v2/a/blobs/uploads/tags/list', 'tags', 'a/blobs/uploads', '', 'words of routes inside a name'],
  ['/v2/a/blobs/uploads/manifests/x', 'manifest', 'a/blobs/uploads', 'x', 'words of routes inside a name'],
  ['/v2/a/manifests/blobs/uploads/', 'uploads', 'a/manifests', '', 'words of routes inside a name'],
  ['/v2/a/tags/list/tags/list', 'tags', 'a/tags/list', '', 'words of routes inside a name'],
  ['/v2/A/manifests/x', 'manifest', 'A', 'x', 'a wrong name still finds its route, for the right error'],
  ['/v2/a//b/manifests/x', 'manifest', 'a//b', 'x', 'a wrong name still finds its route'],
  ['/v2/../../manifests/x', 'manifest', '../..', 'x', 'a wrong name still finds its route'],
  ['/v2/a%2fb/manifests/x', 'manifest', 'a%2fb', 'x', 'nothing is decoded'],
];

test('matchRoute() recognises the routes of distribution-spec from the right', (t) => {
  for (const [path, id, name, parameter, reason] of found) {
    t.deepEqual(matchRoute(path), { id, name, parameter }, `${path}: ${reason}`);
  }
});

const unknown: readonly [path: string, reason: string][] = [
  ['', 'empty'],
  ['/', 'the root'],
  ['/v1/', 'another version'],
  ['/v22/', 'only begins the same'],
  ['v2/', 'no slash'],
  ['/v2/a', 'only a name'],
  ['/v2/a/manifests/', 'no reference'],
  ['/v2/manifests/x', 'no name'],
  ['/v2//manifests/x', 'an empty name'],
  ['/v2/a/manifests/x/', 'something after it'],
  ['/v2/a/tags', 'half a route'],
  ['/v2/a/tags/list/', 'something after it'],
  ['/v2/a/blobs/uploads/1/2', 'something after it'],
  ['/V2/a/manifests/x', 'upper case'],
  ['/v2/a\n/manifests/x', 'a new line'],
  [`/v2/${'a'.repeat(3000)}/manifests/x`, 'too long'],
  ['/v2/_catalog/', 'something after it'],
];

test('matchRoute() finds nothing else', (t) => {
  for (const [path, reason] of unknown) t.is(matchRoute(path), undefined, `${path}: ${reason}`);
});

// The same rules, written as a walk over the segments instead of as expressions.
function reference(path: string): { id: RouteId; name: string; parameter: string } | undefined {
  if (path.length > 2048) return undefined;
  const segments = path.split('/');
  if (segments.shift() !== '' || segments.shift() !== 'v2') return undefined;
  const rest = segments.join('/');
  if (rest === '') return { id: 'base', name: '', parameter: '' };
  if (rest === '_catalog') return { id: 'catalog', name: '', parameter: '' };
  if (rest === '_oci/ext/discover') return { id: 'extensions', name: '', parameter: '' };
  const before = (count: number) => segments.slice(0, -count).join('/');
  const end = (count: number) => segments.slice(-count).join('/');
  if (end(3) === '_oci/ext/discover' && before(3) !== '')
    return { id: 'repositoryExtensions', name: before(3), parameter: '' };
  if (end(2) === 'tags/list' && before(2) !== '') return { id: 'tags', name: before(2), parameter: '' };
  if (end(2) === 'blobs/uploads' && before(2) !== '')
    return { id: 'uploads', name: before(2), parameter: '' };
  if (end(3) === 'blobs/uploads/' && before(3) !== '')
    return { id: 'uploads', name: before(3), parameter: '' };
  const last = segments.at(-1) ?? '';
  if (last === '') return undefined;
  if (segments.slice(-3, -1).join('/') === 'blobs/uploads' && before(3) !== '')
    return { id: 'upload', name: before(3), parameter: last };
  const kinds: { readonly [word: string]: RouteId } = {
    blobs: 'blob',
    manifests: 'manifest',
    referrers: 'referrers',
  };
  const word = segments.at(-2) ?? '';
  const id = Object.hasOwn(kinds, word) ? kinds[word] : undefined;
  return id === undefined || before(2) === '' ? undefined : { id, name: before(2), parameter: last };
}

test('matchRoute() agrees with walking over the segments', (t) => {
  const segment = fc.constantFrom(
    '',
    'a',
    'b.c',
    'blobs',
    'uploads',
    'manifests',
    'tags',
    'list',
    'referrers',
    '_oci',
    'ext',
    'discover',
    '_catalog',
    'v2',
  );
  fc.assert(
    fc.property(fc.array(segment, { maxLength: 8 }), (segments) => {
      const path = `/v2/${segments.join('/')}`;
      t.deepEqual(matchRoute(path), reference(path), path);
    }),
    { numRuns: 5000 },
  );
});

const component = fc.constantFrom('a', 'blobs', 'uploads', 'manifests', 'tags', 'list', 'referrers', 'x.y');
const repositories = fc
  .array(component, { minLength: 1, maxLength: 5 })
  .map((parts) => parseRepositoryName(parts.join('/')));

test('routePath builds what matchRoute() finds, for every name', (t) => {
  fc.assert(
    fc.property(repositories, (name) => {
      t.deepEqual(matchRoute(routePath.blob(name, digest)), { id: 'blob', name, parameter: digest });
      t.deepEqual(matchRoute(routePath.uploads(name)), { id: 'uploads', name, parameter: '' });
      t.deepEqual(matchRoute(routePath.upload(name, 'id')), { id: 'upload', name, parameter: 'id' });
      t.deepEqual(matchRoute(routePath.manifest(name, parseTag('list'))), {
        id: 'manifest',
        name,
        parameter: 'list',
      });
      t.deepEqual(matchRoute(routePath.manifest(name, digest)), { id: 'manifest', name, parameter: digest });
      t.deepEqual(matchRoute(routePath.tags(name)), { id: 'tags', name, parameter: '' });
      t.deepEqual(matchRoute(routePath.referrers(name, digest)), {
        id: 'referrers',
        name,
        parameter: digest,
      });
    }),
  );
  t.is(matchRoute(routePath.base())?.id, 'base');
  t.is(matchRoute(routePath.catalog())?.id, 'catalog');
});

test('matchRoute() finds every route of the table by its own path', (t) => {
  for (const [id, { path }] of Object.entries(routeTable)) {
    t.is(matchRoute(path.replace('{name}', 'a/b').replace(/\{\w+\}/, 'x'))?.id, id as RouteId);
  }
});

test('matchRoute() takes no longer for hostile paths', (t) => {
  for (const part of ['/blobs', '/blobs/uploads', '/manifests', '/tags/list', '/', 'a/']) {
    const path = `/v2/${part.repeat(2000 / part.length)}!`;
    t.deepEqual(matchRoute(path), reference(path));
    t.is(matchRoute(`/v2/${part.repeat(1_000_000)}`), undefined);
  }
});

test('parseManifestReference() tells digests from tags', (t) => {
  t.deepEqual(parseManifestReference(digest), { digest });
  t.deepEqual(parseManifestReference('latest'), { tag: parseTag('latest') });
  t.deepEqual(parseManifestReference(`sha256-${'a'.repeat(64)}`), {
    tag: parseTag(`sha256-${'a'.repeat(64)}`),
  });
  for (const text of ['', 'sha256:baddigest', `sha256:${'A'.repeat(64)}`, 'a/b', '.a', 'a%20b']) {
    t.is(parseManifestReference(text), undefined, text);
  }
});

test('referrersTag() follows the referrers tag schema and is a tag', (t) => {
  t.is(referrersTag(digest) as string, `sha256-${'a'.repeat(64)}`);
  const long = digestOf(new Uint8Array(), 'sha512');
  t.is(referrersTag(long) as string, `sha512-${long.slice(7, 71)}`, 'cut after 64 characters');
  t.true(isTag(referrersTag(long)));
});
