import { setTimeout } from 'node:timers/promises';
import { DebtLimit } from '@img/registry/server/http/debt-limit';
import type { MetricFamilies } from '@img/registry/server/metrics/merge-families';
import { CliError } from '../../cli-error.ts';
import type { ServeOptions } from '../serve-options.ts';
import type { ServedFacts } from '../start-served.ts';
import { type WorkerEnd, WorkerProcess } from './worker-process.ts';

export type WorkerPoolOptions = {
  /** What all of them serve. */
  readonly options: ServeOptions;
  readonly count: number;
  /** Hears of each that ended although nobody had stopped it, and how long its place stays empty. */
  readonly onEnded: (worker: WorkerName, reason: string, waitMs: number) => void;
  /** Hears of each that serves in the place of one that ended. */
  readonly onReplaced: (worker: WorkerName, facts: ServedFacts) => void;
};

export type WorkerName = { readonly number: number; readonly pid: number | undefined };

/** So many are replaced at once, and then one whenever this time is over: a fault that stays must not cost everything. */
const replacedAtOnce = 10;
const replacedEveryMs = 6000;

/** The workers of one registry: one is started before the others, each is replaced when it ends, all stop together. */
export class WorkerPool {
  readonly #options: WorkerPoolOptions;
  readonly #workers = new Set<WorkerProcess>();
  readonly #stop = new AbortController();
  readonly #limit = new DebtLimit({
    clock: () => performance.now(),
    burst: replacedAtOnce,
    refillMs: replacedEveryMs,
  });
  #failure: WorkerEnd | undefined;

  constructor(options: WorkerPoolOptions) {
    this.#options = options;
  }

  /**
   * Starts them: first one, which makes what all of them need, then the others.
   *
   * @returns undefined if one has failed and said why, or if all were stopped before
   * @throws CliError WORKER_ENDED for one that something else has ended
   */
  async start(): Promise<ServedFacts | undefined> {
    const facts = await this.#startOne(1, true);
    if (facts === undefined) return this.#giveUp();
    const numbers = Array.from({ length: this.#options.count - 1 }, (_, index) => index + 2);
    const others = await Promise.all(numbers.map((number) => this.#startOne(number, false)));
    if (others.includes(undefined)) return this.#giveUp();
    // If the first has ended meanwhile, any free port is another one by now; the administrator is only known from it.
    const { url, host } = others.at(-1) ?? facts;
    return { ...facts, url, host };
  }

  /** How the command ends where a worker could not start. */
  get exitCode(): number {
    return this.#failure?.exitCode ?? 0;
  }

  get pids(): readonly number[] {
    return [...this.#workers].flatMap(({ pid }) => (pid === undefined ? [] : [pid]));
  }

  /** What each has counted that serves just now and says so. */
  async families(): Promise<readonly MetricFamilies[]> {
    const serving = [...this.#workers].filter((worker) => worker.isReady);
    const all = await Promise.all(serving.map((worker) => worker.families()));
    return all.filter((families) => families !== undefined);
  }

  /** Stops all; resolves when they have answered what is under way, and are gone. Again is harmless. */
  async stop(): Promise<void> {
    this.#stop.abort();
    for (const worker of this.#workers) worker.stop();
    await Promise.all([...this.#workers].map(({ ended }) => ended));
  }

  async #startOne(number: number, isFirst: boolean): Promise<ServedFacts | undefined> {
    const worker = this.#begin(number, isFirst);
    const facts = await worker?.ready;
    if (worker === undefined || this.#stop.signal.aborted) return undefined;
    if (facts === undefined) this.#failure ??= await worker.ended;
    else this.#keep(worker);
    return facts;
  }

  /** Begins one; undefined if all are to stop. */
  #begin(number: number, isFirst: boolean): WorkerProcess | undefined {
    if (this.#stop.signal.aborted) return undefined;
    const { options, count } = this.#options;
    const place = { number, count, isMeasured: options.metrics !== undefined };
    const worker = new WorkerProcess({ kind: 'serve', options, worker: place, isFirst });
    this.#workers.add(worker);
    void worker.ended.then(() => this.#workers.delete(worker));
    return worker;
  }

  async #giveUp(): Promise<undefined> {
    await this.stop();
    if (this.#failure === undefined || this.#failure.isOwn) return undefined;
    throw new CliError('WORKER_ENDED', `a worker was ended ${this.#failure.reason} before it could serve`);
  }

  /** Sees to it that another one takes its place when it ends. */
  #keep(worker: WorkerProcess): void {
    void worker.ended.then((end) => this.#replace(worker, end));
  }

  async #replace(ended: WorkerProcess, { reason }: WorkerEnd): Promise<void> {
    const { signal } = this.#stop;
    if (signal.aborted) return;
    let waitMs = this.#limit.take('');
    this.#options.onEnded(ended, reason, waitMs);
    for (; waitMs > 0; waitMs = this.#limit.take('')) {
      await setTimeout(waitMs, undefined, { signal }).catch(() => undefined);
      if (signal.aborted) return;
    }
    const worker = this.#begin(ended.number, false);
    if (worker === undefined) return;
    this.#keep(worker);
    const facts = await worker.ready;
    if (facts !== undefined) this.#options.onReplaced(worker, facts);
  }
}
