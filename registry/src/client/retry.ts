import { setTimeout } from 'node:timers/promises';

export type RetryPolicy = {
  /** How often something is tried in all. */
  readonly attempts: number;
  /** The first pause; each further one is twice as long. */
  readonly firstPauseMs: number;
  /** A registry that asks for a longer pause is taken as refusing. */
  readonly longestPauseMs: number;
  /** 0 to below 1: spreads the pauses of many clients. */
  readonly random: () => number;
};

export const defaultRetryPolicy: RetryPolicy = {
  attempts: 5,
  firstPauseMs: 500,
  longestPauseMs: 60_000,
  random: Math.random,
};

/** Statuses that another try may not meet. */
export function isTransientStatus(status: number): boolean {
  return [408, 429, 500, 502, 503, 504].includes(status);
}

/** A failure that may pass; carries the error that stands if it doesn't. */
export class TransientFailure extends Error {
  override readonly name = 'TransientFailure';
  readonly error: Error;
  /** The pause that the registry asked for. */
  readonly pauseMs: number | undefined;

  constructor(error: Error, pauseMs?: number) {
    super(error.message, { cause: error });
    this.error = error;
    this.pauseMs = pauseMs;
  }
}

/** Tries again with growing pauses while the attempt throws a {@link TransientFailure}; throws its error in the end. */
export async function withRetries<T>(
  policy: RetryPolicy,
  signal: AbortSignal | undefined,
  attempt: () => Promise<T>,
): Promise<T> {
  for (let count = 1; ; count += 1) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof TransientFailure)) throw error;
      if (count >= policy.attempts) throw error.error;
      await pauseBeforeRetry(policy, count, error, signal);
    }
  }
}

// After this much a connection counts as one that works.
const progressBytes = 1024 * 1024;

/** Counts one more failure of a long transfer; enough progress since the last one makes it the first again. */
export function failuresAfter(failures: number, bytesSinceLast: number): number {
  return bytesSinceLast >= progressBytes ? 1 : failures + 1;
}

/**
 * Waits before try `count + 1` for as long as the registry has asked, else as is usual.
 *
 * @throws the failure's error if the registry asked for too much
 */
export async function pauseBeforeRetry(
  policy: RetryPolicy,
  count: number,
  failure: TransientFailure,
  signal: AbortSignal | undefined,
): Promise<void> {
  const pauseMs = failure.pauseMs ?? backoffMs(policy, count);
  if (pauseMs > policy.longestPauseMs) throw failure.error;
  await setTimeout(pauseMs, undefined, signal === undefined ? {} : { signal });
}

/** The pause before attempt `count + 1`: doubled each time, the upper half of it random. */
function backoffMs({ firstPauseMs, longestPauseMs, random }: RetryPolicy, count: number): number {
  const full = Math.min(longestPauseMs, firstPauseMs * 2 ** (count - 1));
  return full / 2 + (full / 2) * random();
}

/** Reads Retry-After (RFC 9110 section 10.2.3): seconds or a date; undefined where absent or malformed. */
export function retryAfterMs(header: string | undefined, nowMs: number): number | undefined {
  if (header === undefined) return undefined;
  if (/^\d{1,9}$/.test(header)) return Number(header) * 1000;
  const date = Date.parse(header);
  return Number.isNaN(date) ? undefined : Math.max(0, date - nowMs);
}
