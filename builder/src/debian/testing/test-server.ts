import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ExecutionContext } from 'ava';

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/** A server of files that notes what it is asked for. */
export type TestServer = {
  /** Without a slash at the end. */
  readonly url: string;
  /** `path` or `path bytes=5-`, in order. */
  readonly requests: string[];
  /** What is served, by path without the slash before it: bytes, or something that answers. */
  readonly files: Map<string, Uint8Array | Answer>;
};

/** Starts a server on a port of its own; it ends with the test. */
export async function startServer(
  t: ExecutionContext,
  ...contents: readonly ReadonlyMap<string, Uint8Array>[]
): Promise<TestServer> {
  const files = new Map<string, Uint8Array | Answer>(contents.flatMap((content) => [...content]));
  const requests: string[] = [];
  // Nobody is cut off for being slow: it is the clients who give up their connections.
  const server = createServer({ keepAliveTimeout: 0 }, (request, response) => {
    const path = decodeURIComponent((request.url ?? '').slice(1));
    const { range } = request.headers;
    requests.push(range === undefined ? path : `${path} ${range}`);
    const file = files.get(path);
    if (typeof file === 'function') file(request, response);
    else if (file === undefined) response.writeHead(404).end('no such file');
    else serve(file, range, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    server.close();
    server.closeAllConnections();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests, files };
}

function serve(file: Uint8Array, range: string | undefined, response: ServerResponse): void {
  const [, start] = /^bytes=(\d+)-$/.exec(range ?? '') ?? [];
  if (start === undefined) {
    response.writeHead(200, { 'content-length': file.byteLength }).end(file);
    return;
  }
  const rest = file.subarray(Number(start));
  const headers = {
    'content-length': rest.byteLength,
    'content-range': `bytes ${start}-${file.byteLength - 1}/${file.byteLength}`,
  };
  response.writeHead(206, headers).end(rest);
}
