import { matchRoute } from '@img/spec/routes';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { type Backlog, findBacklog } from '../../metadata/backlog.ts';
import type { Reader } from '../../metadata/database.ts';
import type { Scrubbed } from '../../scrub/scrub.ts';
import { isWebPath } from '../../web/dispatch-web.ts';
import type { MetricFamilies } from './merge-families.ts';
import type { MeasuredRequest, Meter } from './meter.ts';

export type MetricsOptions = {
  readonly database: Reader;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
  /** The number of the worker whose metrics these are, for their label, if there are several. */
  readonly worker?: number | undefined;
};

/** Bounds in seconds: from an answer out of memory to a large blob over a slow line. */
const buckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];

/** What clients may write as a method is endless; what is counted must not be. */
const methods: readonly string[] = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'];

const gauges: readonly (readonly [name: string, help: string, readFrom: (backlog: Backlog) => number])[] = [
  [
    'img_registry_review_age_seconds',
    'How long the blob waits for the collector that waits longest.',
    ({ reviewAgeMs }) => reviewAgeMs / 1000,
  ],
  ['img_registry_tombstones', 'Blobs that are to be removed from storage.', ({ tombstones }) => tombstones],
  [
    'img_registry_tombstone_age_seconds',
    'How long the blob waits for its removal from storage that waits longest.',
    ({ tombstoneAgeMs }) => tombstoneAgeMs / 1000,
  ],
  [
    'img_registry_unnoted_manifests',
    'Manifests that are not noted in storage yet, so that the metadata can be rebuilt from it.',
    ({ unnoted }) => unnoted,
  ],
  ['img_registry_uploads', 'Uploads that were begun and not ended.', ({ uploads }) => uploads],
  [
    'img_registry_upload_age_seconds',
    'How long nobody has touched the upload that was left longest.',
    ({ uploadAgeMs }) => uploadAgeMs / 1000,
  ],
];

/** What Prometheus reads of this process, and of the queues that all processes share. */
export class Metrics implements Meter {
  readonly #options: MetricsOptions;
  readonly #registry = new Registry();
  /** Of what all processes share: the same from each of them. */
  readonly #shared = new Registry();
  readonly #requests: Histogram<'route' | 'method' | 'status'>;
  readonly #active: Gauge;
  readonly #broken: Counter<'route'>;
  readonly #storage: Histogram<'operation' | 'outcome'>;
  readonly #scrubbed: Counter<'state'>;
  readonly #scrubbedBytes: Counter;
  readonly #backlog: readonly (readonly [gauge: Gauge, readFrom: (backlog: Backlog) => number])[];

  constructor(options: MetricsOptions) {
    this.#options = options;
    const registers = [this.#registry];
    if (options.worker !== undefined) this.#registry.setDefaultLabels({ worker: String(options.worker) });
    collectDefaultMetrics({ register: this.#registry });
    this.#requests = new Histogram({
      name: 'img_registry_request_seconds',
      help: 'Time from the head of a request to the end of its answer.',
      labelNames: ['route', 'method', 'status'],
      buckets,
      registers,
    });
    this.#active = new Gauge({
      name: 'img_registry_requests_active',
      help: 'Requests that are not answered yet.',
      registers,
    });
    this.#broken = new Counter({
      name: 'img_registry_requests_broken_total',
      help: 'Requests whose connection ended before their answer did.',
      labelNames: ['route'],
      registers,
    });
    this.#storage = new Histogram({
      name: 'img_registry_storage_seconds',
      help: 'Time that the storage of blobs took.',
      labelNames: ['operation', 'outcome'],
      buckets,
      registers,
    });
    this.#scrubbed = new Counter({
      name: 'img_registry_scrubbed_total',
      help: 'Blobs and notes of manifests that the scheduled scrub has read, by what they are: sound, lost, damaged.',
      labelNames: ['state'],
      registers,
    });
    this.#scrubbedBytes = new Counter({
      name: 'img_registry_scrubbed_bytes_total',
      help: 'Bytes that the scheduled scrub has read.',
      registers,
    });
    this.#backlog = gauges.map(([name, help, readFrom]) => {
      return [new Gauge({ name, help, registers: [this.#shared] }), readFrom];
    });
  }

  begin(): (request: MeasuredRequest) => void {
    this.#active.inc();
    return ({ method, path, status, seconds, isBroken }) => {
      this.#active.dec();
      const route = routeOf(path);
      if (isBroken) this.#broken.inc({ route });
      const known = methods.includes(method) ? method : 'other';
      this.#requests.observe({ route, method: known, status }, seconds);
    };
  }

  scrubbed({ state, sizeBytes }: Pick<Scrubbed, 'state' | 'sizeBytes'>): void {
    this.#scrubbed.inc({ state });
    this.#scrubbedBytes.inc(sizeBytes);
  }

  async storage<T>(operation: string, work: () => Promise<T>): Promise<T> {
    const end = this.#storage.startTimer({ operation });
    try {
      const value = await work();
      end({ outcome: 'done' });
      return value;
    } catch (error) {
      end({ outcome: 'failed' });
      throw error;
    }
  }

  /** Everything, in the text format of Prometheus. */
  async text(): Promise<string> {
    await this.#readBacklog();
    return (await this.#registry.metrics()) + (await this.#shared.metrics());
  }

  /** Everything, as data. */
  async families(): Promise<MetricFamilies> {
    await this.#readBacklog();
    return [...(await this.#registry.getMetricsAsJSON()), ...(await this.#shared.getMetricsAsJSON())];
  }

  async #readBacklog(): Promise<void> {
    const backlog = await findBacklog(this.#options.database, this.#options.clock());
    for (const [gauge, readFrom] of this.#backlog) gauge.set(readFrom(backlog));
  }
}

/** Names in paths are endless, routes are few. */
function routeOf(path: string): string {
  const match = matchRoute(path);
  if (match !== undefined) return match.id;
  if (path === '/token' || path === '/healthz' || path === '/readyz') return path.slice(1);
  if (path.startsWith('/api/')) return 'api';
  return isWebPath(path) ? 'page' : 'other';
}
