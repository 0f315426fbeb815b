import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { parseRegistryHost, type RegistryHost } from '@img/spec/registry-host';
import { ServerError } from './server-error.ts';
import type { ServerLimits } from './server-limits.ts';
import { readTlsFiles, type TlsFiles, tlsFilesVersion } from './tls-files.ts';

export type ListenOptions = {
  readonly address?: string;
  readonly port?: number;
  /** For HTTPS. The files are read again when they change. */
  readonly tls?: TlsFiles | undefined;
  /** Time between two looks at these files. */
  readonly renewalMs?: number;
};

export type ListeningServer = {
  readonly host: RegistryHost;
  readonly port: number;
  readonly url: string;
  /** Waits for the requests under way, unless the signal says not to. */
  close(options?: { readonly signal?: AbortSignal }): Promise<void>;
};

/** How long a connection is kept for its next request; longer than the proxies in front keep theirs. */
const keepAliveMs = 75_000;
/** Time between two looks at the files of a certificate. */
const usualRenewalMs = 10_000;

/**
 * Listens for HTTP, or with a certificate for HTTPS.
 *
 * @param createListener gets a function that tells whether the server is closing
 * @throws ServerError ADDRESS_IN_USE, ADDRESS_UNUSABLE, TLS_UNUSABLE
 */
export async function listen(
  { address = '127.0.0.1', port = 0, tls, renewalMs = usualRenewalMs }: ListenOptions,
  { idleMs, headMs }: Pick<ServerLimits, 'idleMs' | 'headMs'>,
  createListener: (isClosing: () => boolean) => RequestListener,
): Promise<ListeningServer> {
  let isClosing = false;
  const answer = createListener(() => isClosing);
  const listener: RequestListener = (request, response) => {
    // Connections that became idle before the closing are closed with it, the others when their answer is sent.
    response.once('close', () => setImmediate(() => isClosing && server.closeIdleConnections()));
    answer(request, response);
  };
  // Uploads take as long as they take: bodies have their own limits.
  const options = {
    requestTimeout: 0,
    headersTimeout: headMs,
    connectionsCheckingInterval: headMs,
    keepAliveTimeout: keepAliveMs,
  };
  const server =
    tls === undefined
      ? createServer(options, listener)
      : createTlsServer({ ...options, ...(await readTlsFiles(tls)) }, listener);
  server.timeout = idleMs;
  // Whoever waits for "100 Continue" gets it from the handler that reads the body, or a refusal instead.
  server.on('checkContinue', listener);
  await begin(server, address, port);
  const renewal = tls === undefined ? undefined : renew(server as TlsServer, tls, renewalMs);
  const bound = server.address() as AddressInfo;
  const host = hostOf(bound);
  return {
    host,
    port: bound.port,
    url: `${tls === undefined ? 'http' : 'https'}://${host}`,
    close: async ({ signal } = {}) => {
      isClosing = true;
      clearInterval(renewal);
      await end(server, signal);
    },
  };
}

/** Looks now and then whether the certificate was renewed, and shows the new one; connections that are there stay. */
function renew(server: TlsServer, files: TlsFiles, renewalMs: number): NodeJS.Timeout {
  let shown = tlsFilesVersion(files).catch(() => '');
  const look = async (): Promise<void> => {
    const version = await tlsFilesVersion(files);
    if (version === (await shown)) return;
    server.setSecureContext(await readTlsFiles(files));
    shown = Promise.resolve(version);
  };
  // Files that are being replaced don't fit together for a moment: the next look finds them whole.
  return setInterval(() => void look().catch(() => undefined), renewalMs).unref();
}

/** Where this machine's own clients reach the server: one that listens everywhere, they reach on loopback. */
function hostOf({ address, family, port }: AddressInfo): RegistryHost {
  if (family === 'IPv6') return parseRegistryHost(`[${address === '::' ? '::1' : address}]:${port}`);
  return parseRegistryHost(`${address === '0.0.0.0' ? '127.0.0.1' : address}:${port}`);
}

async function begin(server: Server, address: string, port: number): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject);
  server.listen({ host: address, port }, resolve);
  try {
    await promise;
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === 'EADDRINUSE') {
      throw new ServerError('ADDRESS_IN_USE', `something else listens on ${address} port ${port} already`, {
        cause,
        hint: 'stop it, or name another port',
      });
    }
    throw new ServerError('ADDRESS_UNUSABLE', `can't listen on ${address} port ${port}: ${message}`, {
      cause,
      hint: 'name an address of this machine and a port that you may use',
    });
  }
  server.off('error', reject);
}

async function end(server: Server, signal: AbortSignal | undefined): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  server.close(() => resolve());
  server.closeIdleConnections();
  const cut = () => server.closeAllConnections();
  if (signal?.aborted) cut();
  signal?.addEventListener('abort', cut);
  await promise;
  signal?.removeEventListener('abort', cut);
}
