import type { Digest } from '@img/spec/digest';
import type { RouteId } from '@img/spec/routes';
import type { DoubleExchange, Misbehaviour, RegistryDouble } from './registry-double.ts';

/*
 * What a registry that is broken or hostile may do. Each is used with `registry.misbehave(…)` and applies to
 * requests of one kind.
 */

/** Restricts a misbehaviour to the requests of one route, and to one method if given. */
export function onRoute(id: RouteId, answer: Misbehaviour, method?: string): Misbehaviour {
  return (exchange) => {
    if (exchange.route?.id !== id) return false;
    return (method === undefined || exchange.request.method === method) && answer(exchange);
  };
}

/** Answers in any way. */
export function answering(answer: (exchange: DoubleExchange) => unknown): Misbehaviour {
  return async (exchange) => {
    await answer(exchange);
    return true;
  };
}

/** Answers with one byte changed; length and headers are right. */
export function wrongDigest(registry: RegistryDouble, digest: Digest): Misbehaviour {
  return onRoute(
    'blob',
    ({ response }) => {
      const bytes = Uint8Array.from(registry.blobs.get(digest) ?? []);
      bytes[0] = (bytes[0] ?? 0) ^ 0xff;
      response.writeHead(200, { 'content-length': bytes.byteLength }).end(bytes);
      return true;
    },
    'GET',
  );
}

/** Announces and sends fewer bytes than the blob has. */
export function wrongSize(registry: RegistryDouble, digest: Digest): Misbehaviour {
  return onRoute(
    'blob',
    ({ response }) => {
      const bytes = registry.blobs.get(digest)?.subarray(1) ?? new Uint8Array();
      response.writeHead(200, { 'content-length': bytes.byteLength }).end(bytes);
      return true;
    },
    'GET',
  );
}

/** Sends half of what it announced, and closes the connection; never more, whatever range is asked for. */
export function truncatedBody(registry: RegistryDouble, digest: Digest): Misbehaviour {
  return onRoute(
    'blob',
    ({ response, request }) => {
      const bytes = registry.blobs.get(digest) ?? new Uint8Array();
      const half = bytes.byteLength >> 1;
      const start = Number(/^bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
      response.writeHead(start === 0 ? 200 : 206, {
        'content-length': bytes.byteLength - start,
        ...(start === 0
          ? {}
          : { 'content-range': `bytes ${start}-${bytes.byteLength - 1}/${bytes.byteLength}` }),
      });
      response.write(bytes.subarray(start, Math.max(start, half)), () => response.destroy());
      return true;
    },
    'GET',
  );
}

/** Sends without end and without saying how much. */
export function endlessBody(id: RouteId, contentType: string): Misbehaviour {
  return onRoute(
    id,
    ({ response }) => {
      response.writeHead(200, { 'content-type': contentType });
      const chunk = Buffer.alloc(64 * 1024, ' ');
      const more = () => {
        while (!response.destroyed && response.write(chunk));
      };
      response.on('drain', more);
      more();
      return true;
    },
    'GET',
  );
}

/** Sends the client elsewhere. */
export function redirectTo(id: RouteId, target: string, status = 307): Misbehaviour {
  return onRoute(id, ({ response }) => {
    response.writeHead(status, { location: target }).end();
    return true;
  });
}

/** The right bytes under a type that they don't have. */
export function wrongContentType(registry: RegistryDouble, contentType: string): Misbehaviour {
  return onRoute(
    'manifest',
    ({ response, route }) => {
      const bytes = manifestBytes(registry, route);
      response.writeHead(200, { 'content-type': contentType, 'content-length': bytes.byteLength }).end(bytes);
      return true;
    },
    'GET',
  );
}

/** Says that the tag has a new digest, and sends what it had before. */
export function staleTag(registry: RegistryDouble, newDigest: Digest): Misbehaviour {
  return onRoute(
    'manifest',
    ({ response, route }) => {
      const found = registry.manifests.get(`${route?.name}:${route?.parameter}`);
      if (found === undefined) return false;
      response.writeHead(200, { 'content-type': found.mediaType, 'docker-content-digest': newDigest });
      response.end(found.bytes);
      return true;
    },
    'GET',
  );
}

function manifestBytes(registry: RegistryDouble, route: DoubleExchange['route']): Uint8Array {
  const { name, parameter } = route ?? { name: '', parameter: '' };
  const found =
    registry.manifests.get(`${name}:${parameter}`) ?? registry.manifests.get(`${name}@${parameter}`);
  return found?.bytes ?? new Uint8Array();
}
