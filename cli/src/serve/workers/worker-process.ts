import cluster, { type Worker } from 'node:cluster';
import { setTimeout } from 'node:timers/promises';
import type { MetricFamilies } from '@img/registry/server/metrics/merge-families';
import type { ServedFacts } from '../start-served.ts';
import type { FromWorker, ServeOrder, ToWorker } from './messages.ts';

export type WorkerEnd = {
  /** How the command ends if this is where the start has failed. */
  readonly exitCode: number;
  /** Such as `by SIGKILL`. */
  readonly reason: string;
  /** Whether it has ended itself, and said why. */
  readonly isOwn: boolean;
};

/** How long a worker has to say what it has counted. */
const familiesMs = 5000;

/** A worker, as its supervisor sees it. */
export class WorkerProcess {
  readonly number: number;
  readonly pid: number | undefined;
  /** What it serves; undefined if it ends before it does. */
  readonly ready: Promise<ServedFacts | undefined>;
  readonly ended: Promise<WorkerEnd>;
  readonly #worker: Worker;
  readonly #asked = new Map<number, (families: MetricFamilies | undefined) => void>();
  #nextId = 0;
  #isReady = false;
  #isStopped = false;

  /** Starts the program of this process again, with the same words, as a worker. */
  constructor(order: ServeOrder) {
    const { promise: ready, resolve: resolveReady } = Promise.withResolvers<ServedFacts | undefined>();
    const { promise: ended, resolve: resolveEnded } = Promise.withResolvers<WorkerEnd>();
    this.number = order.worker.number;
    this.ready = ready;
    this.ended = ended;
    // What all workers but the first have to say as a result, nobody has asked for.
    const stdout = order.isFirst ? 'inherit' : 'ignore';
    cluster.setupPrimary({ serialization: 'advanced', stdio: ['ignore', stdout, 'inherit', 'ipc'] });
    this.#worker = cluster.fork();
    this.pid = this.#worker.process.pid;
    const end = (how: WorkerEnd) => {
      resolveReady(undefined);
      for (const resolve of this.#asked.values()) resolve(undefined);
      resolveEnded(how);
    };
    this.#worker.on('message', (message: FromWorker) => {
      if (message.kind === 'awake') this.#tell(this.#isStopped ? { kind: 'stop' } : order);
      else if (message.kind === 'ready') {
        this.#isReady = true;
        resolveReady(message.facts);
      } else this.#asked.get(message.id)?.(message.families);
    });
    this.#worker.on('exit', (code, signal) => end(endOf(code, signal)));
    this.#worker.on('error', ({ message }) => {
      // Else its exit tells.
      if (this.pid === undefined) end({ exitCode: 1, reason: `before it began: ${message}`, isOwn: false });
    });
  }

  /** Whether it has begun to serve. */
  get isReady(): boolean {
    return this.#isReady;
  }

  /** Lets it answer what is under way, and end. */
  stop(): void {
    this.#isStopped = true;
    this.#tell({ kind: 'stop' });
  }

  /** What it has counted; undefined if it doesn't say so. */
  async families(): Promise<MetricFamilies | undefined> {
    const id = this.#nextId;
    this.#nextId += 1;
    const { promise, resolve } = Promise.withResolvers<MetricFamilies | undefined>();
    const over = new AbortController();
    this.#asked.set(id, resolve);
    this.#tell({ kind: 'families', id });
    try {
      return await Promise.race([
        promise,
        setTimeout(familiesMs, undefined, { signal: over.signal, ref: false }),
      ]);
    } finally {
      this.#asked.delete(id);
      over.abort();
    }
  }

  #tell(message: ToWorker): void {
    // One that is gone needs not be told.
    this.#worker.process.send(message, undefined, undefined, () => undefined);
  }
}

function endOf(code: number | null, signal: string | null): WorkerEnd {
  if (signal !== null) return { exitCode: 1, reason: `by ${signal}`, isOwn: false };
  return { exitCode: code || 1, reason: `with exit code ${code}`, isOwn: true };
}
