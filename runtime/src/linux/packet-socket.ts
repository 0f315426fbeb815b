import { closeSync, read } from 'node:fs';
import { promisify } from 'node:util';
import { RuntimeError } from '../runtime-error.ts';
import { systemCall } from './system-call.ts';

// include/uapi/linux/socket.h, un.h, asm-generic/socket.h; the numbers of the processors that Node supports on Linux.
const local = 1;
const packets = 5;
const closeOnExec = 0o2_000_000;
const familyBytes = 2;
const pathBytes = 108;
const bothWays = 2;

const socket = systemCall('socket', ['int', 'int', 'int']);
const connect = systemCall('connect', ['int', 'void*', 'uint']);
const shutdown = systemCall('shutdown', ['int', 'int']);

/**
 * Connects to a local socket that keeps apart what is written at once (SOCK_SEQPACKET, unix(7)), which Node has no
 * class for. Who reads from the descriptor waits in the kernel, until there is something or {@link endPackets} is called.
 *
 * @returns a descriptor, which the caller closes
 * @throws RuntimeError SYSTEM_CALL_FAILED, HOST_UNSUPPORTED for a path that is too long for a socket
 */
export function connectPackets(path: string): number {
  const address = Buffer.alloc(familyBytes + pathBytes);
  address.writeUInt16LE(local);
  if (Buffer.byteLength(path) >= pathBytes) {
    throw new RuntimeError('HOST_UNSUPPORTED', `no socket can have a path of ${path.length} characters`);
  }
  address.write(path, familyBytes);
  const descriptor = socket(local, packets | closeOnExec, 0);
  try {
    connect(descriptor, address, address.length);
    return descriptor;
  } catch (error) {
    closeSync(descriptor);
    throw error;
  }
}

/** Ends a connection in both directions, so that who reads from it comes to the end; it stays to be closed. */
export function endPackets(descriptor: number): void {
  shutdown(descriptor, bothWays);
}

/**
 * Reads to the end of a connection.
 *
 * @param mostBytes of a packet; the rest of a longer one is lost
 * @yields packet by packet
 */
export async function* readPackets(
  descriptor: number,
  mostBytes: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  const readSome = promisify(read);
  for (;;) {
    const buffer = Buffer.alloc(mostBytes);
    try {
      const { bytesRead } = await readSome(descriptor, buffer, 0, buffer.length, null);
      if (bytesRead === 0) return;
      yield buffer.subarray(0, bytesRead);
    } catch (error) {
      // The other end has not read all. The kernel says so once, and before what that end has sent.
      if ((error as NodeJS.ErrnoException).code !== 'ECONNRESET') throw error;
    }
  }
}
