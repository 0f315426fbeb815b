import { type Digest, isDigest } from './digest.ts';
import type { RepositoryName } from './repository-name.ts';
import { isTag, type Tag } from './tag.ts';

/** What a request does to a repository; token scopes use the same words. */
export type RepositoryAction = 'pull' | 'push' | 'delete';

/**
 * The routes of distribution-spec, "Endpoints", as data: client, server, access tests and documentation read
 * this one table. `{name}` spans slashes, every other parameter is one path segment.
 */
export const routeTable = {
  base: { path: '/v2/', methods: { GET: undefined, HEAD: undefined } },
  catalog: { path: '/v2/_catalog', methods: { GET: undefined } },
  extensions: { path: '/v2/_oci/ext/discover', methods: { GET: undefined } },
  repositoryExtensions: { path: '/v2/{name}/_oci/ext/discover', methods: { GET: 'pull' } },
  blob: { path: '/v2/{name}/blobs/{digest}', methods: { GET: 'pull', HEAD: 'pull', DELETE: 'delete' } },
  uploads: { path: '/v2/{name}/blobs/uploads/', methods: { POST: 'push' } },
  upload: {
    path: '/v2/{name}/blobs/uploads/{session}',
    methods: { GET: 'push', PATCH: 'push', PUT: 'push', DELETE: 'push' },
  },
  manifest: {
    path: '/v2/{name}/manifests/{reference}',
    methods: { GET: 'pull', HEAD: 'pull', PUT: 'push', DELETE: 'delete' },
  },
  tags: { path: '/v2/{name}/tags/list', methods: { GET: 'pull' } },
  referrers: { path: '/v2/{name}/referrers/{digest}', methods: { GET: 'pull' } },
} as const satisfies {
  readonly [id: string]: {
    readonly path: string;
    readonly methods: { readonly [method: string]: RepositoryAction | undefined };
  };
};

export type RouteId = keyof typeof routeTable;

/** A path that fits a route, with its parameters still unparsed, so that the server can answer the right code. */
export type RouteMatch = {
  readonly id: RouteId;
  readonly name: string;
  /** The last path segment: a digest, tag or session; empty where the route has none. */
  readonly parameter: string;
};

// Tried in this order against the end of the path; a name may itself hold "blobs", "manifests" and so on,
// so the route is recognised from the right (distribution-spec leaves it open; every client builds it so).
const patterns: readonly { readonly id: RouteId; readonly pattern: RegExp }[] = (
  [
    'base',
    'catalog',
    'extensions',
    'repositoryExtensions',
    'tags',
    'uploads',
    'upload',
    'blob',
    'manifest',
    'referrers',
  ] as const
).map((id) => ({ id, pattern: patternOf(routeTable[id].path) }));

// A slash at the end may be left out.
function patternOf(path: string): RegExp {
  const source = path
    .replace(/\{(\w+)\}/g, (_, name) => (name === 'name' ? '(.+)' : '([^/]+)'))
    .replace(/\/$/, '/?');
  return new RegExp(`^${source}$`);
}

/** Finds the route of a path (without query, percent-encoding not decoded); undefined if there is none. */
export function matchRoute(path: string): RouteMatch | undefined {
  if (path.length > 2048) return undefined;
  for (const { id, pattern } of patterns) {
    const match = pattern.exec(path);
    if (match !== null) return { id, name: match[1] ?? '', parameter: match[2] ?? '' };
  }
  return undefined;
}

/** Builders of request paths. */
export const routePath = {
  base: () => '/v2/',
  catalog: () => '/v2/_catalog',
  blob: (name: RepositoryName, digest: Digest) => `/v2/${name}/blobs/${digest}`,
  uploads: (name: RepositoryName) => `/v2/${name}/blobs/uploads/`,
  upload: (name: RepositoryName, session: string) => `/v2/${name}/blobs/uploads/${session}`,
  manifest: (name: RepositoryName, reference: Tag | Digest) => `/v2/${name}/manifests/${reference}`,
  tags: (name: RepositoryName) => `/v2/${name}/tags/list`,
  referrers: (name: RepositoryName, digest: Digest) => `/v2/${name}/referrers/${digest}`,
} as const;

/** A manifest's reference in a path: a digest if it has a colon, else a tag; undefined if it is neither. */
export function parseManifestReference(
  text: string,
): { readonly digest: Digest } | { readonly tag: Tag } | undefined {
  if (isDigest(text)) return { digest: text };
  return isTag(text) ? { tag: text } : undefined;
}

/** The tag under which readers look for referrers where the API is absent (distribution-spec, "Referrers Tag Schema"). */
export function referrersTag(digest: Digest): Tag {
  return digest.replace(':', '-').slice(0, 'sha256-'.length + 64) as Tag;
}
