import type { Descriptor } from '@img/spec/descriptor';
import { verified } from '@img/spec/verified';
import { Spool, type SpoolReader } from './spool.ts';

export type DownloadOptions = {
  readonly descriptor: Descriptor;
  /** Opens the blob at the upstream. */
  readonly open: (signal: AbortSignal) => AsyncIterable<Uint8Array>;
  /** Keeps what it reads, if it comes to its end. */
  readonly keep: (content: AsyncIterable<Uint8Array>) => Promise<void>;
  /** Where what was not kept yet is. */
  readonly folder: string;
  /** Ends a download that brings nothing for this long. */
  readonly idleMs: number;
  /** Ends it at once. */
  readonly signal: AbortSignal;
};

/**
 * A blob on its way from an upstream. It comes once, whoever wants it and whoever goes away meanwhile; the registry's
 * storage is one of those who read it. The last piece is shown only when all of them are right.
 */
export class Download {
  readonly descriptor: Descriptor;
  /** Resolves when it is over: kept, or not. */
  readonly over: Promise<PromiseSettledResult<void>>;
  readonly #spool: Spool;

  private constructor(spool: Spool, options: DownloadOptions) {
    this.descriptor = options.descriptor;
    this.#spool = spool;
    const kept = this.#keep(options);
    const fetched = this.#fetch(options);
    this.over = Promise.allSettled([kept, fetched]).then(([result]) => result);
  }

  static async begin(options: DownloadOptions): Promise<Download> {
    return new Download(await Spool.open(options.folder), options);
  }

  /** A reader; undefined where the download is over. */
  claim(): SpoolReader | undefined {
    return this.#spool.claim();
  }

  async #keep({ descriptor, keep }: DownloadOptions): Promise<void> {
    await using reader = this.#spool.claim() as SpoolReader;
    await keep(reader.read({ offset: 0, length: descriptor.size }));
  }

  async #fetch({ descriptor, open, idleMs, signal }: DownloadOptions): Promise<void> {
    const idle = new AbortController();
    const timer = setTimeout(() => idle.abort(new Error(`nothing came for ${idleMs / 1000} s`)), idleMs);
    try {
      let last: Uint8Array | undefined;
      for await (const chunk of verified(open(AbortSignal.any([signal, idle.signal])), descriptor)) {
        timer.refresh();
        if (last !== undefined) await this.#spool.write(last);
        last = chunk;
      }
      if (last !== undefined) await this.#spool.write(last);
      await this.#spool.end();
    } catch (error) {
      await this.#spool.end({ error });
    } finally {
      clearTimeout(timer);
    }
  }
}
