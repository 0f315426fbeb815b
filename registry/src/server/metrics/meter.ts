import type { Scrubbed } from '../../scrub/scrub.ts';

/** One request that was answered, or whose client went away. */
export type MeasuredRequest = {
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly seconds: number;
  readonly isBroken: boolean;
};

/** Counts what happens. */
export type Meter = {
  /** A request has begun; call what it returns when it is over. */
  begin(): (request: MeasuredRequest) => void;
  /** Something stored was read, to see whether it is sound. */
  scrubbed(found: Pick<Scrubbed, 'state' | 'sizeBytes'>): void;
  /** Measures something that the storage does. */
  storage<T>(operation: string, work: () => Promise<T>): Promise<T>;
};
