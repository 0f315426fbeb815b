import { hasErrno, systemCall } from './system-call.ts';

// include/uapi/linux/socket.h, asm-generic/socket.h; the numbers of the processors that Node supports on Linux.
const internet = 2;
const kinds = { tcp: 1, udp: 2 } as const;
const socketLevel = 1;
const reuseAddress = 2;
const closeOnExec = 0o2000000;

const socket = systemCall('socket', ['int', 'int', 'int']);
const setsockopt = systemCall('setsockopt', ['int', 'int', 'int', 'void*', 'uint']);
const bind = systemCall('bind', ['int', 'void*', 'uint']);
const close = systemCall('close', ['int']);

/** What stands in the way of a program that wants to serve a port. */
export type PortFault = 'taken' | 'no address of this host' | 'not allowed';

/**
 * Whether a program could serve a port of this host now; undefined if it could. Nothing is served, so somebody else may
 * take it in the next moment.
 *
 * @param address IPv4
 */
export function probePort(protocol: 'tcp' | 'udp', address: string, port: number): PortFault | undefined {
  const descriptor = socket(internet, kinds[protocol] | closeOnExec, 0);
  try {
    // Connections that have ended keep a port of TCP for a while, for nobody but those who don't ask for it so.
    if (protocol === 'tcp') {
      setsockopt(descriptor, socketLevel, reuseAddress, Uint8Array.of(1, 0, 0, 0), 4);
    }
    bind(descriptor, socketAddress(address, port), 16);
    return undefined;
  } catch (error) {
    if (hasErrno(error, 'EADDRINUSE')) return 'taken';
    if (hasErrno(error, 'EADDRNOTAVAIL')) return 'no address of this host';
    if (hasErrno(error, 'EACCES')) return 'not allowed';
    throw error;
  } finally {
    close(descriptor);
  }
}

// struct sockaddr_in
function socketAddress(address: string, port: number): Uint8Array {
  const bytes = Buffer.alloc(16);
  bytes.writeUInt16LE(internet, 0);
  bytes.writeUInt16BE(port, 2);
  for (const [index, part] of address.split('.').entries()) bytes.writeUInt8(Number(part), 4 + index);
  return bytes;
}
