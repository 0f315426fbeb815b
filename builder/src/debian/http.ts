import { setTimeout as wait } from 'node:timers/promises';
import { quote } from '@img/spec/quote';
import { BuilderError } from '../builder-error.ts';
import { networkReason } from './network-reason.ts';

/** A connection that brings nothing for so long is given up. */
const stallMs = 30_000;

/** Pauses between attempts when nothing else is said. */
const defaultRetryDelaysMs = [300, 1000, 3000] as const;

export type HttpOptions = {
  readonly signal?: AbortSignal | undefined;
  /** Pauses before the second, third, … attempt; as many as there are retries. */
  readonly retryDelaysMs?: readonly number[] | undefined;
};

/** The content of a file from an offset on. */
export type HttpBody = {
  /** Where the content begins: the offset asked for, or 0 if the server doesn't know ranges. */
  readonly offset: number;
  readonly content: AsyncIterable<Uint8Array>;
};

/**
 * Opens a file of an archive, once, from an offset on.
 *
 * @throws BuilderError ARCHIVE_NOT_FOUND; ARCHIVE_UNREACHABLE for what may pass, also while reading the content;
 *   ARCHIVE_RESPONSE for every other answer
 */
export async function openUrl(url: string, offset: number, signal?: AbortSignal): Promise<HttpBody> {
  const stall = new AbortController();
  const signals = signal === undefined ? [stall.signal] : [signal, stall.signal];
  const { href, headers } = requestOf(url, offset);
  const response = await beforeStall(stall, () =>
    fetch(href, { headers, signal: AbortSignal.any(signals), redirect: 'follow' }),
  ).catch((cause: unknown) => {
    throw unreachable(href, cause, signal);
  });
  if (response.status !== 200 && response.status !== 206) {
    await response.body?.cancel();
    throw refusal(href, response.status);
  }
  const content = chunksOf(href, response, stall, signal);
  return { offset: response.status === 206 ? offset : 0, content };
}

/**
 * Reads a small file of an archive whole, with retries. How much was received begins anew with each of them.
 *
 * @throws BuilderError as {@link openUrl}; ARCHIVE_RESPONSE for more than maxBytes
 */
export function readUrl(
  url: string,
  maxBytes: number,
  options: HttpOptions & { readonly onReceived?: (sizeBytes: number) => void },
): Promise<Uint8Array> {
  return withRetries(async () => {
    const { content } = await openUrl(url, 0, options.signal);
    const chunks: Uint8Array[] = [];
    let size = 0;
    for await (const chunk of content) {
      size += chunk.byteLength;
      if (size > maxBytes) {
        throw new BuilderError(
          'ARCHIVE_RESPONSE',
          `${shownUrl(url)} is longer than the ${maxBytes} bytes that it may have`,
          { hint: 'the mirror is broken or out of date; use another one' },
        );
      }
      chunks.push(chunk);
      options.onReceived?.(size);
    }
    return Buffer.concat(chunks);
  }, options);
}

/**
 * Runs an attempt again while it fails with ARCHIVE_UNREACHABLE, after a pause each time.
 *
 * @param progress grows when an attempt got further than the ones before; then the count begins anew
 * @throws whatever the last attempt threw, or the signal's reason
 */
export async function withRetries<Result>(
  attempt: () => Promise<Result>,
  { signal, retryDelaysMs = defaultRetryDelaysMs }: HttpOptions,
  progress: () => number = () => 0,
): Promise<Result> {
  let retries = 0;
  for (;;) {
    const reached = progress();
    try {
      return await attempt();
    } catch (error) {
      if (progress() > reached) retries = 0;
      const delay = retryDelaysMs[retries];
      if (!isPassing(error) || delay === undefined) throw error;
      retries += 1;
      await wait(delay, undefined, signal === undefined ? {} : { signal }).catch(() => undefined);
      signal?.throwIfAborted();
    }
  }
}

/** Whether trying again may help. */
function isPassing(error: unknown): boolean {
  return error instanceof BuilderError && error.code === 'ARCHIVE_UNREACHABLE';
}

/** Whether the server said that there is no such file. */
export function isMissing(error: unknown): boolean {
  return error instanceof BuilderError && error.code === 'ARCHIVE_NOT_FOUND';
}

/** The address without a user name and password, as it may be shown. */
export function shownUrl(url: string): string {
  const parsed = URL.parse(url);
  if (parsed === null) return quote(url);
  parsed.username = '';
  parsed.password = '';
  return parsed.href;
}

/** The address of a file below an archive's root; every part of the path is escaped. */
export function archiveUrl(root: string, path: string): string {
  return `${root.replace(/\/+$/, '')}/${path.split('/').map(encodeURIComponent).join('/')}`;
}

function requestOf(url: string, offset: number): { href: string; headers: Record<string, string> } {
  const parsed = new URL(url);
  // What is compressed already must arrive as it is: digests are over the stored bytes.
  const headers: Record<string, string> = { 'accept-encoding': 'identity' };
  if (offset > 0) headers['range'] = `bytes=${offset}-`;
  if (parsed.username !== '') {
    // fetch refuses addresses with a password, which apt's sources may have.
    const credentials = `${decodeURIComponent(parsed.username)}:${decodeURIComponent(parsed.password)}`;
    headers['authorization'] = `Basic ${Buffer.from(credentials).toString('base64')}`;
  }
  return { href: shownUrl(url), headers };
}

async function* chunksOf(
  href: string,
  response: Response,
  stall: AbortController,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, void, undefined> {
  const reader = response.body?.getReader();
  if (reader === undefined) return;
  try {
    for (;;) {
      const { done, value } = await beforeStall(stall, () => reader.read());
      if (done) return;
      yield value;
    }
  } catch (cause) {
    throw unreachable(href, cause, signal);
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

async function beforeStall<Result>(stall: AbortController, action: () => Promise<Result>): Promise<Result> {
  const timer = setTimeout(() => stall.abort(new Error(`no data for ${stallMs / 1000} s`)), stallMs);
  try {
    return await action();
  } finally {
    clearTimeout(timer);
  }
}

function refusal(href: string, status: number): BuilderError {
  const message = `${href} answers with status ${status}`;
  if (status === 404 || status === 410) {
    const hint = 'the archive may be in the middle of an update, or the address of the mirror is wrong';
    return new BuilderError('ARCHIVE_NOT_FOUND', message, { hint });
  }
  const isServers = status === 408 || status === 429 || status >= 500;
  return isServers
    ? new BuilderError('ARCHIVE_UNREACHABLE', message, { hint: 'try again later or with another mirror' })
    : new BuilderError('ARCHIVE_RESPONSE', message, { hint: 'check the address of the mirror' });
}

function unreachable(href: string, cause: unknown, signal: AbortSignal | undefined): unknown {
  if (signal?.aborted === true) return signal.reason;
  return new BuilderError('ARCHIVE_UNREACHABLE', `${href} can't be read: ${networkReason(cause)}`, {
    hint: 'check the network and the address of the mirror',
    cause,
  });
}
