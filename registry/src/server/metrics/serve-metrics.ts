import type { ServerResponse } from 'node:http';
import { type ListeningServer, type ListenOptions, listen } from '../listen.ts';
import type { ServerLimits } from '../server-limits.ts';
import type { Metrics } from './metrics.ts';

/**
 * Lets Prometheus read the metrics at `/metrics`, at an address of their own: whoever reaches it needs no password.
 *
 * @throws ServerError ADDRESS_IN_USE, ADDRESS_UNUSABLE
 */
export async function serveMetrics(
  metrics: Metrics,
  options: ListenOptions,
  limits: Pick<ServerLimits, 'idleMs'>,
): Promise<ListeningServer> {
  return listen(options, limits, () => (request, response) => {
    const path = request.url?.split('?', 1)[0];
    if (request.method !== 'GET' || path !== '/metrics') {
      answer(response, 404, 'text/plain', 'there is nothing but GET /metrics here\n');
      return;
    }
    metrics.text().then(
      (text) => answer(response, 200, metrics.contentType, text),
      () => answer(response, 503, 'text/plain', "the database doesn't answer\n"),
    );
  });
}

function answer(response: ServerResponse, status: number, type: string, text: string): void {
  response.writeHead(status, { 'Content-Type': type, 'Cache-Control': 'no-store' }).end(text);
}
