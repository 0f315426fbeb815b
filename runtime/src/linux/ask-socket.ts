import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { systemCall } from './system-call.ts';

// include/uapi/linux/socket.h, un.h
const local = 1;
const stream = 1;
const closeOnExec = 0o2000000;
const addressBytes = 110;
const shutWriting = 1;

const socket = systemCall('socket', ['int', 'int', 'int']);
const connect = systemCall('connect', ['int', 'void*', 'uint']);
const shutdown = systemCall('shutdown', ['int', 'int']);

/**
 * Asks a program that listens on a socket in the file system, and waits for its answer, which ends with the connection.
 *
 * @param maxBytes of the answer; what is beyond it is not read
 * @throws RuntimeError SYSTEM_CALL_FAILED if nobody listens; errors of the file system
 */
export function askSocket(path: string, question: string, maxBytes: number): string {
  using descriptors = new DisposableStack();
  const keep = (descriptor: number) => descriptors.adopt(descriptor, closeSync);
  // An address has only 107 bytes for a path.
  const folder = keep(openSync(dirname(path), 'r'));
  const connection = keep(socket(local, stream | closeOnExec, 0));
  connect(connection, addressOf(`/proc/self/fd/${folder}/${basename(path)}`), addressBytes);
  writeSync(connection, question);
  shutdown(connection, shutWriting);
  const answer = Buffer.alloc(maxBytes);
  let length = 0;
  while (length < maxBytes) {
    const count = readSync(connection, answer, length, maxBytes - length, null);
    if (count === 0) break;
    length += count;
  }
  return answer.toString('utf8', 0, length);
}

// struct sockaddr_un
function addressOf(path: string): Uint8Array {
  const bytes = Buffer.alloc(addressBytes);
  bytes.writeUInt16LE(local, 0);
  bytes.write(path, 2);
  return bytes;
}
