import type { ServerResponse } from 'node:http';
import { type ListeningServer, type ListenOptions, listen } from '../listen.ts';
import type { ServerLimits } from '../server-limits.ts';

/** The text format of Prometheus, as Content-Type names it. */
const contentType = 'text/plain; version=0.0.4; charset=utf-8';

/**
 * Lets Prometheus read the metrics at `/metrics`, at an address of their own: whoever reaches it needs no password.
 *
 * @param read makes the text that is read
 * @throws ServerError ADDRESS_IN_USE, ADDRESS_UNUSABLE
 */
export async function serveMetrics(
  read: () => Promise<string>,
  options: ListenOptions,
  limits: Pick<ServerLimits, 'idleMs' | 'headMs'>,
): Promise<ListeningServer> {
  return listen(options, limits, () => (request, response) => {
    const path = request.url?.split('?', 1)[0];
    if (request.method !== 'GET' || path !== '/metrics') {
      answer(response, 404, 'text/plain', 'there is nothing but GET /metrics here\n');
      return;
    }
    read().then(
      (text) => answer(response, 200, contentType, text),
      () => answer(response, 503, 'text/plain', "the database doesn't answer\n"),
    );
  });
}

function answer(response: ServerResponse, status: number, type: string, text: string): void {
  response.writeHead(status, { 'Content-Type': type, 'Cache-Control': 'no-store' }).end(text);
}
