import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Descriptor } from '@img/spec/descriptor';
import { type Digest, digestOf, isDigest } from '@img/spec/digest';
import { artifactTypeOf, descriptorJson, parseManifest } from '@img/spec/manifest';
import { mediaTypes } from '@img/spec/media-types';
import { parseRegistryHost, type RegistryHost } from '@img/spec/registry-host';
import { matchRoute, type RouteMatch } from '@img/spec/routes';

/** One request to the double. */
export type DoubleExchange = {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly url: URL;
  readonly route: RouteMatch | undefined;
};

/** Answers a request in place of the double; returns false to leave it to the double. */
export type Misbehaviour = (exchange: DoubleExchange) => boolean | Promise<boolean>;

type StoredManifest = { readonly mediaType: string; readonly bytes: Uint8Array };
type Session = { bytes: Uint8Array };

/**
 * A registry in memory, as small as a test needs: it does everything right unless a test makes it misbehave,
 * and keeps a record of what it was asked. One name space of content for all repositories.
 */
export class RegistryDouble implements AsyncDisposable {
  readonly blobs = new Map<string, Uint8Array>();
  /** By `name:tag` and `name@digest`. */
  readonly manifests = new Map<string, StoredManifest>();
  /** `GET /v2/…`, in order, without query. */
  readonly requests: string[] = [];
  /** The headers of each request, in the same order. */
  readonly headers: IncomingMessage['headers'][] = [];
  hasReferrersApi = true;
  hasMounts = true;
  readonly #server: Server;
  readonly #sessions = new Map<string, Session>();
  // Never used again, because ended sessions are removed while others go on.
  #sessionCount = 0;
  readonly #misbehaviours: Misbehaviour[] = [];

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(): Promise<RegistryDouble> {
    // Nobody is cut off for being slow: it is the clients who give up their connections.
    const server = createServer({ keepAliveTimeout: 0 });
    const registry = new RegistryDouble(server);
    server.on('request', (request, response) => {
      registry.#handle(request, response).catch((error: unknown) => response.destroy(error as Error));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return registry;
  }

  get host(): RegistryHost {
    return parseRegistryHost(`127.0.0.1:${(this.#server.address() as AddressInfo).port}`);
  }

  get url(): string {
    return `http://${this.host}`;
  }

  /** Asked before all earlier ones. */
  misbehave(behaviour: Misbehaviour): void {
    this.#misbehaviours.unshift(behaviour);
  }

  /** Misbehaves for the first so many requests to which the behaviour applies. */
  misbehaveTimes(times: number, behaviour: Misbehaviour): void {
    let left = times;
    this.misbehave(async (exchange) => {
      if (left === 0 || !(await behaviour(exchange))) return false;
      left -= 1;
      return true;
    });
  }

  addBlob(bytes: Uint8Array, mediaType: string = mediaTypes.octetStream): Descriptor {
    const digest = digestOf(bytes);
    this.blobs.set(digest, bytes);
    return { mediaType, digest, size: bytes.byteLength };
  }

  addManifest(name: string, bytes: Uint8Array, mediaType: string, tag?: string): Descriptor {
    const digest = digestOf(bytes);
    this.manifests.set(`${name}@${digest}`, { mediaType, bytes });
    if (tag !== undefined) this.manifests.set(`${name}:${tag}`, { mediaType, bytes });
    return { mediaType, digest, size: bytes.byteLength };
  }

  /** Lets an upload have arrived so far. */
  keepInSession(id: string, bytes: Uint8Array): void {
    this.#sessions.set(id, { bytes });
  }

  /** How often something was asked, by a pattern over `METHOD /path`. */
  count(pattern: RegExp): number {
    return this.requests.filter((request) => pattern.test(request)).length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', this.url);
    this.requests.push(`${request.method} ${url.pathname}`);
    this.headers.push(request.headers);
    const exchange: DoubleExchange = { request, response, url, route: matchRoute(url.pathname) };
    for (const misbehaviour of this.#misbehaviours) if (await misbehaviour(exchange)) return;
    await this.#answer(exchange);
  }

  async #answer(exchange: DoubleExchange): Promise<void> {
    const { response, route, request } = exchange;
    switch (route?.id) {
      case 'base':
        return void response.writeHead(200).end('{}');
      case 'blob':
        return void this.#blob(exchange, route.parameter);
      case 'manifest':
        if (request.method === 'PUT') await this.#putManifest(exchange, route);
        else if (request.method === 'DELETE') this.#deleteManifest(exchange, route);
        else this.#manifest(exchange, route);
        return;
      case 'uploads':
        return void this.#beginUpload(exchange, route);
      case 'upload':
        await this.#upload(exchange, route);
        return;
      case 'referrers':
        return void this.#referrers(exchange, route);
      case 'tags':
        return void this.#tags(exchange, route);
      default:
        return void refuse(response, 404, 'UNSUPPORTED');
    }
  }

  #blob({ request, response }: DoubleExchange, digest: string): void {
    const bytes = this.blobs.get(digest);
    if (bytes === undefined) return void refuse(response, 404, 'BLOB_UNKNOWN');
    const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
    if (start > 0 && start >= bytes.byteLength) return void refuse(response, 416, 'SIZE_INVALID');
    const part = bytes.subarray(start);
    const range = `bytes ${start}-${bytes.byteLength - 1}/${bytes.byteLength}`;
    response.writeHead(start === 0 ? 200 : 206, {
      'content-type': mediaTypes.octetStream,
      'content-length': part.byteLength,
      'docker-content-digest': digest,
      ...(start === 0 ? {} : { 'content-range': range }),
    });
    response.end(request.method === 'HEAD' ? undefined : part);
  }

  #manifest({ request, response }: DoubleExchange, { name, parameter }: RouteMatch): void {
    const found = this.manifests.get(keyOf(name, parameter));
    if (found === undefined) return void refuse(response, 404, 'MANIFEST_UNKNOWN');
    response.writeHead(200, {
      'content-type': found.mediaType,
      'content-length': found.bytes.byteLength,
      'docker-content-digest': isDigest(parameter) ? parameter : digestOf(found.bytes),
    });
    response.end(request.method === 'HEAD' ? undefined : found.bytes);
  }

  async #putManifest(
    { request, response, url }: DoubleExchange,
    { name, parameter }: RouteMatch,
  ): Promise<void> {
    const bytes = await bodyOf(request);
    const mediaType = request.headers['content-type'] ?? '';
    const { subject } = parseManifest(bytes, mediaType);
    const algorithm = parameter.startsWith('sha512:') ? 'sha512' : 'sha256';
    const digest = digestOf(bytes, algorithm);
    const stored = { mediaType, bytes };
    this.manifests.set(`${name}@${digest}`, stored);
    this.manifests.set(keyOf(name, parameter), stored);
    const tags = url.searchParams.getAll('tag');
    for (const tag of tags) this.manifests.set(`${name}:${tag}`, stored);
    const hasSubject = subject !== undefined && this.hasReferrersApi;
    response.writeHead(201, {
      'docker-content-digest': digest,
      ...(hasSubject ? { 'oci-subject': subject.digest } : {}),
      ...(tags.length === 0 ? {} : { 'oci-tag': tags.join(', ') }),
    });
    response.end();
  }

  /** By digest with all of its tags. */
  #deleteManifest({ response }: DoubleExchange, { name, parameter }: RouteMatch): void {
    const found = this.manifests.get(keyOf(name, parameter));
    if (found === undefined) return void refuse(response, 404, 'MANIFEST_UNKNOWN');
    this.manifests.delete(keyOf(name, parameter));
    for (const [key, { bytes }] of this.manifests) {
      const isTagOfIt = key.startsWith(`${name}:`) && digestOf(bytes) === parameter;
      if (isTagOfIt) this.manifests.delete(key);
    }
    response.writeHead(202).end();
  }

  #beginUpload({ response, url }: DoubleExchange, { name }: RouteMatch): void {
    const mount = url.searchParams.get('mount') ?? '';
    if (this.hasMounts && url.searchParams.has('from') && this.blobs.has(mount)) {
      return void response.writeHead(201, { location: `/v2/${name}/blobs/${mount}` }).end();
    }
    this.#sessionCount += 1;
    const id = `session-${this.#sessionCount}`;
    this.#sessions.set(id, { bytes: new Uint8Array() });
    const location = `/v2/${name}/blobs/uploads/${id}?state=a%2Fb%3D`;
    response.writeHead(202, { location, range: '0-0' }).end();
  }

  async #upload({ request, response, url }: DoubleExchange, { name, parameter }: RouteMatch): Promise<void> {
    const session = this.#sessions.get(parameter);
    if (session === undefined) return void refuse(response, 404, 'BLOB_UPLOAD_UNKNOWN');
    const location = `/v2/${name}/blobs/uploads/${parameter}?state=a%2Fb%3D`;
    const range = () => `0-${Math.max(0, session.bytes.byteLength - 1)}`;
    if (request.method === 'GET') return void response.writeHead(204, { location, range: range() }).end();
    const start = Number(/^(\d+)-/.exec(request.headers['content-range'] ?? '')?.[1] ?? 0);
    const closesOnly = request.method === 'PUT' && request.headers['content-length'] === '0';
    if (!closesOnly && start !== session.bytes.byteLength) {
      response.setHeader('range', range());
      return refuse(response, 416, 'BLOB_UPLOAD_INVALID');
    }
    for await (const chunk of request) session.bytes = Buffer.concat([session.bytes, chunk as Uint8Array]);
    if (request.method === 'PATCH') return void response.writeHead(202, { location, range: range() }).end();
    const digest = (url.searchParams.get('digest') ?? '') as Digest;
    const algorithm = digest.startsWith('sha512:') ? 'sha512' : 'sha256';
    if (digestOf(session.bytes, algorithm) !== digest) return void refuse(response, 400, 'DIGEST_INVALID');
    this.blobs.set(digest, session.bytes);
    this.#sessions.delete(parameter);
    response.writeHead(201, { 'docker-content-digest': digest }).end();
  }

  #referrers({ response }: DoubleExchange, { name, parameter }: RouteMatch): void {
    if (!this.hasReferrersApi) return void refuse(response, 404, 'UNSUPPORTED');
    const found = new Map<Digest, Descriptor>();
    for (const [key, { bytes, mediaType }] of this.manifests) {
      if (!key.startsWith(`${name}@`)) continue;
      const manifest = parseManifest(bytes, mediaType);
      if (manifest.subject?.digest !== parameter) continue;
      const digest = key.slice(name.length + 1) as Digest;
      const artifactType = artifactTypeOf(manifest) ?? '';
      const { annotations } = manifest;
      found.set(digest, { mediaType, digest, size: bytes.byteLength, artifactType, annotations });
    }
    const manifests = [...found.values()].map(descriptorJson);
    response.writeHead(200, { 'content-type': mediaTypes.ociIndex });
    response.end(JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests }));
  }

  #tags({ response, url }: DoubleExchange, { name }: RouteMatch): void {
    const all = [...this.manifests.keys()].filter((key) => key.startsWith(`${name}:`));
    const after = url.searchParams.get('last') ?? '';
    const tags = all.map((key) => key.slice(name.length + 1)).filter((tag) => tag > after);
    const page = tags.toSorted().slice(0, 2);
    const link = `</v2/${name}/tags/list?n=2&last=${page.at(-1)}>; rel="next"`;
    response.writeHead(200, { 'content-type': 'application/json', ...(tags.length > 2 ? { link } : {}) });
    response.end(JSON.stringify({ name, tags: page }));
  }
}

function keyOf(name: string, reference: string): string {
  return isDigest(reference) ? `${name}@${reference}` : `${name}:${reference}`;
}

/** Answers with an error of the protocol. */
export function refuse(response: ServerResponse, status: number, code: string): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ errors: [{ code, message: `test: ${code.toLowerCase()}` }] }));
}

export async function bodyOf(request: IncomingMessage): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of request) chunks.push(chunk as Uint8Array);
  return Buffer.concat(chunks);
}
