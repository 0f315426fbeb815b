import { randomFillSync } from 'node:crypto';
import { digestOf } from '@img/spec/digest';
import { mediaTypes } from '@img/spec/media-types';
import { Client } from 'undici';
import type { Contestant } from './registry-contestants.ts';

/** One request, or a few that belong together; returns how many bytes of content went over the line. */
export type Work = (connection: Connection) => Promise<number>;

type Headers = { readonly [name: string]: string };

export type LoadResult = {
  readonly done: number;
  readonly seconds: number;
  readonly bytes: number;
  /** Of the processors, by the registry. */
  readonly cpuMs: number;
  /** Of each piece of work, in ascending order. */
  readonly milliseconds: readonly number[];
};

/** One connection to a registry, which does one thing after the other. */
export class Connection {
  readonly #client: Client;
  readonly #headers: Contestant['headers'];

  constructor({ url, headers }: Pick<Contestant, 'url' | 'headers'>) {
    this.#client = new Client(url, { headersTimeout: 0, bodyTimeout: 0 });
    this.#headers = headers;
  }

  /** Sends a request, reads its answer and throws it away. */
  async send(
    method: string,
    path: string,
    { body, headers = {}, expect = 200 }: { body?: Uint8Array; headers?: Headers; expect?: number } = {},
  ): Promise<{ readonly bytes: number; readonly location: string }> {
    const answer = await this.#client.request({
      method,
      path,
      // Otherwise it makes a new connection after each HEAD.
      reset: false,
      headers: { accept: mediaTypes.ociManifest, ...(await this.#headers()), ...headers },
      ...(body === undefined ? {} : { body }),
    });
    let bytes = 0;
    for await (const chunk of answer.body) bytes += (chunk as Uint8Array).byteLength;
    if (answer.statusCode !== expect) throw new Error(`${method} ${path} was answered ${answer.statusCode}`);
    return { bytes, location: String(answer.headers['location'] ?? '') };
  }

  /** Pushes a blob as clients do: begins an upload, and sends everything with its end. */
  async pushBlob(repository: string, content: Uint8Array): Promise<string> {
    const digest = digestOf(content);
    const { location } = await this.send('POST', `/v2/${repository}/blobs/uploads/`, { expect: 202 });
    const at = new URL(location, 'http://registry');
    at.searchParams.set('digest', digest);
    await this.send('PUT', at.pathname + at.search, {
      body: content,
      headers: { 'content-type': 'application/octet-stream' },
      expect: 201,
    });
    return digest;
  }

  async close(): Promise<void> {
    await this.#client.destroy();
  }
}

/** Content that no registry has yet. */
export function newContent(sizeBytes: number): Uint8Array {
  const content = new Uint8Array(sizeBytes);
  // Random from the beginning on; the rest needs not be.
  randomFillSync(content, 0, Math.min(sizeBytes, 4096));
  return content;
}

/** Does the work on so many connections at once, again and again for the time or so many times. */
export async function load(
  contestant: Contestant,
  work: Work,
  { connections, seconds, times }: { connections: number; seconds?: number; times?: number },
): Promise<LoadResult> {
  const all = Array.from({ length: connections }, () => new Connection(contestant));
  const milliseconds: number[] = [];
  let bytes = 0;
  let left = times ?? Number.POSITIVE_INFINITY;
  const cpuBefore = await contestant.cpuMs();
  const begin = performance.now();
  const until = begin + (seconds ?? Number.POSITIVE_INFINITY) * 1000;
  await Promise.all(
    all.map(async (connection) => {
      while (left > 0 && performance.now() < until) {
        left -= 1;
        const started = performance.now();
        const moved = await work(connection);
        bytes += moved;
        milliseconds.push(performance.now() - started);
      }
    }),
  );
  const elapsed = (performance.now() - begin) / 1000;
  const cpuMs = (await contestant.cpuMs()) - cpuBefore;
  await Promise.all(all.map((connection) => connection.close()));
  milliseconds.sort((left_, right) => left_ - right);
  return { done: milliseconds.length, seconds: elapsed, bytes, cpuMs, milliseconds };
}

/** The time that all but a hundredth of the work stayed below. */
export function p99({ milliseconds }: LoadResult): number {
  return milliseconds[Math.floor(milliseconds.length * 0.99)] ?? Number.NaN;
}
