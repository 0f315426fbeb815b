import type { RouteId } from '@img/spec/routes';
import type { Exchange, Handler, RepositoryExchange } from './exchange.ts';
import { getBase } from './handlers/base.ts';
import { getBlob, removeBlob } from './handlers/blob.ts';
import { getCatalog } from './handlers/catalog.ts';
import { getExtensions } from './handlers/extensions.ts';
import { getManifest, removeManifest } from './handlers/manifest.ts';
import { storeManifest } from './handlers/put-manifest.ts';
import { getReferrers } from './handlers/referrers.ts';
import { getTags } from './handlers/tags.ts';
import { deleteUpload, getUpload, patchUpload, putUpload } from './handlers/upload.ts';
import { postUpload } from './handlers/uploads.ts';

/** The routes that name no repository. */
export type RegistryRouteId = 'base' | 'catalog' | 'extensions';

/** Who answers which route of `@img/spec/routes` by which method. */
export const registryHandlers: {
  readonly [id in RegistryRouteId]: { readonly [method: string]: Handler<Exchange> };
} = {
  base: { GET: getBase, HEAD: getBase },
  catalog: { GET: getCatalog },
  extensions: { GET: getExtensions },
};

export const repositoryHandlers: {
  readonly [id in Exclude<RouteId, RegistryRouteId>]: {
    readonly [method: string]: Handler<RepositoryExchange>;
  };
} = {
  repositoryExtensions: { GET: getExtensions },
  blob: { GET: getBlob, HEAD: getBlob, DELETE: removeBlob },
  uploads: { POST: postUpload },
  upload: { GET: getUpload, PATCH: patchUpload, PUT: putUpload, DELETE: deleteUpload },
  manifest: { GET: getManifest, HEAD: getManifest, PUT: storeManifest, DELETE: removeManifest },
  tags: { GET: getTags },
  referrers: { GET: getReferrers },
};

export function isRegistryRoute(id: RouteId): id is RegistryRouteId {
  return Object.hasOwn(registryHandlers, id);
}
