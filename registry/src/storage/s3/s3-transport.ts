import * as http from 'node:http';
import * as https from 'node:https';
import { isTransientStatus, TransientFailure } from '../../client/retry.ts';
import { BlobStoreError } from '../blob-store-error.ts';

/** What the S3 client sends its requests with; has the shape of node:http. */
export type S3Transport = { readonly request: typeof http.request };

export type S3TransportOptions = {
  readonly isEncrypted: boolean;
  /** Certificates in PEM that are trusted instead of those of the system. */
  readonly ca?: string | undefined;
  /** Called for each request that is sent. */
  readonly onRequest?: ((method: string, path: string) => void) | undefined;
};

/** Requests under way at once; more of them wait for their turn. */
const mostConnections = 128;

/** A storage that says nothing for so long, to a request that it has whole, is asked again. */
const silenceMs = 60_000;

/** What a refusal that may pass says, at most. */
const refusalBytes = 64 * 1024;

/**
 * Connections to an object storage, kept open between requests. An answer that another try may not meet becomes an
 * error of the request, a {@link TransientFailure}: the client would otherwise lose what it says, and never read it.
 */
export function createS3Transport({ isEncrypted, ca, onRequest }: S3TransportOptions): {
  readonly transport: S3Transport;
  readonly agent: http.Agent;
} {
  const options = { keepAlive: true, maxSockets: mostConnections, scheduling: 'lifo' } as const;
  const agent = isEncrypted
    ? new https.Agent({ ...options, ...(ca === undefined ? {} : { ca }) })
    : new http.Agent(options);
  const { request: send } = isEncrypted ? https : http;
  const request = (
    about: http.RequestOptions,
    answered: (response: http.IncomingMessage) => void,
  ): http.ClientRequest => {
    onRequest?.(about.method ?? 'GET', about.path ?? '/');
    const sent = send(about, (response) => {
      sent.setTimeout(0);
      if (isTransientStatus(response.statusCode ?? 0)) void refuse(sent, response);
      else answered(response);
    });
    sent.setTimeout(silenceMs, () => {
      const silence = `${about.host} said nothing for ${silenceMs / 1000} seconds`;
      sent.destroy(Object.assign(new Error(silence), { code: 'ETIMEDOUT' }));
    });
    return sent;
  };
  return { transport: { request: request as typeof http.request }, agent };
}

/** Reads what the storage says, so that the connection can be used again, and fails the request with it. */
async function refuse(sent: http.ClientRequest, response: http.IncomingMessage): Promise<void> {
  let text = '';
  try {
    for await (const chunk of response) {
      text += String(chunk);
      if (text.length > refusalBytes) break;
    }
  } catch {
    // The status says enough.
  }
  const code = /<Code>(\w{1,60})<\/Code>/.exec(text)?.[1] ?? '';
  const said = `the object storage answered ${response.statusCode} ${code}`.trim();
  sent.emit('error', new TransientFailure(new BlobStoreError('STORE_UNREACHABLE', said)));
}
