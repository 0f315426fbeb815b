import { closeSync, constants, openSync, realpathSync, write, writeFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { connectPackets, endPackets, readPackets } from '../linux/packet-socket.ts';
import { hasErrno } from '../linux/system-call.ts';
import { RuntimeError } from '../runtime-error.ts';
import type { RunningContainer } from '../state/container.ts';
import { isRunning } from '../state/process-identity.ts';
import type { RunState } from '../state/run-state.ts';

export type AttachOptions = {
  /** What the app is to read; its end is not the end of what the app reads, for others may go on. */
  readonly input?: AsyncIterable<Uint8Array>;
  readonly onOutput: (bytes: Uint8Array, stream: 'stdout' | 'stderr') => void;
  readonly signal?: AbortSignal;
};

export type TerminalSize = { readonly columns: number; readonly rows: number };

// What conmon puts before what it passes on (conmon, conn_sock.h), and how much of it it reads and writes at once.
const streams: { readonly [mark: number]: 'stdout' | 'stderr' } = { 2: 'stdout', 3: 'stderr' };
const packetBytes = 32 * 1024;
const inputBytes = 8 * 1024;
const onlyPath = 0o10_000_000;

/**
 * Connects to an app that runs on without its caller: what it writes from now on is told, and what is typed is passed
 * on. Any number of callers may be connected. Returns when the app has ended.
 *
 * @throws RuntimeError CONTAINER_ATTACHED if somebody else has its output, CONTAINER_ENDED; the reason of the signal, upon
 *   which the app runs on
 */
export async function attachToContainer(
  state: RunState,
  container: RunningContainer,
  { input, onOutput, signal }: AttachOptions,
): Promise<void> {
  signal?.throwIfAborted();
  using places = new DisposableStack();
  const folder = places.adopt(openMonitorFolder(state, container), closeSync);
  const connection = places.adopt(connectTo(folder, container), closeSync);
  const end = () => endPackets(connection);
  signal?.addEventListener('abort', end, { once: true });
  const stopPassing = input === undefined ? undefined : passOn(input, connection);
  try {
    for await (const packet of readPackets(connection, packetBytes + 1)) {
      const stream = streams[packet[0] ?? 0];
      if (stream !== undefined && packet.length > 1) onOutput(packet.subarray(1), stream);
    }
  } finally {
    signal?.removeEventListener('abort', end);
    // Also for what is being written, which nobody might read any more.
    end();
    await stopPassing?.();
  }
  signal?.throwIfAborted();
}

/** Tells the terminal of an app how large that of its user is; nothing if it has just ended. */
export function resizeTerminal(
  state: RunState,
  container: RunningContainer,
  { columns, rows }: TerminalSize,
): void {
  using places = new DisposableStack();
  try {
    const folder = places.adopt(openMonitorFolder(state, container), closeSync);
    // A pipe: without somebody who reads it, opening it fails instead of waiting.
    const flag = constants.O_WRONLY | constants.O_NONBLOCK;
    const control = places.adopt(openSync(`/proc/self/fd/${folder}/ctl`, flag), closeSync);
    writeFileSync(control, `1 ${rows} ${columns}\n`);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (!['ENOENT', 'ENXIO', 'EPIPE', 'CONTAINER_ENDED'].includes(code ?? '')) throw error;
  }
}

// conmon has its sockets and pipes in the folder of the bundle, which is in memory and in its own mounts.
function openMonitorFolder(state: RunState, container: RunningContainer): number {
  const { id, detached, supervisor } = container;
  if (detached === undefined) {
    throw new RuntimeError(
      'CONTAINER_ATTACHED',
      `container ${container.name ?? id} runs in the foreground: who started it has its output`,
      { hint: 'start it with img run --detach to attach to it later' },
    );
  }
  let folder: number | undefined;
  try {
    folder = openSync(
      `/proc/${supervisor.pid}/root${realpathSync(state.bundleFolder)}`,
      onlyPath | constants.O_DIRECTORY,
    );
  } catch (error) {
    if (!['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
  // Asked afterwards: the number may be that of another process by now.
  if (folder !== undefined && isRunning(supervisor)) return folder;
  if (folder !== undefined) closeSync(folder);
  throw hasEnded(container);
}

function connectTo(folder: number, container: RunningContainer): number {
  try {
    return connectPackets(`/proc/self/fd/${folder}/attach`);
  } catch (error) {
    if (hasErrno(error, 'ENOENT', 'ECONNREFUSED')) throw hasEnded(container, error);
    throw error;
  }
}

function hasEnded({ id, name }: RunningContainer, cause?: unknown): RuntimeError {
  return new RuntimeError('CONTAINER_ENDED', `container ${name ?? id} has just ended`, { cause });
}

/** @returns what stops it: nothing is written any more once that has returned */
function passOn(input: AsyncIterable<Uint8Array>, connection: number): () => Promise<void> {
  const writeSome = promisify(write);
  let isOver = false;
  let writing: Promise<unknown> = Promise.resolve();
  const pass = async () => {
    for await (const bytes of input) {
      for (let at = 0; at < bytes.length; at += inputBytes) {
        if (isOver) return;
        writing = writeSome(connection, bytes, at, Math.min(inputBytes, bytes.length - at));
        await writing;
      }
    }
  };
  // An app that has ended reads nothing more, which its output says better.
  void pass().catch(() => undefined);
  return async () => {
    isOver = true;
    await writing.catch(() => undefined);
  };
}
