import { closeSync, openSync, writeFileSync } from 'node:fs';
import { mount, mountFlags } from './mount.ts';
import { systemCall } from './system-call.ts';

// include/uapi/linux/sched.h, if.h, sockios.h, socket.h
const newNetworkNamespace = 0x4000_0000;
const interfaceUp = 1;
const setInterfaceFlags = 0x8914;
const internet = 2;
const datagrams = 2;
const interfaceNameBytes = 16;
const requestBytes = 40;

const ownNamespace = '/proc/thread-self/ns/net';

const unshare = systemCall('unshare', ['int']);
const setns = systemCall('setns', ['int', 'int']);
const socket = systemCall('socket', ['int', 'int', 'int']);
const ioctl = systemCall('ioctl', ['int', 'unsigned long', 'void*']);
const close = systemCall('close', ['int']);

/**
 * Makes a network namespace with nothing in it but the loopback, and keeps it by a mount. It is there until the mount
 * is gone, and with it every program that uses it. Afterwards this thread is in the namespace in which it was before.
 * Needs root (CAP_SYS_ADMIN).
 *
 * @param path where it is mounted; a file that is not there yet
 */
export function makeNetworkNamespace(path: string): void {
  writeFileSync(path, '', { flag: 'wx', mode: 0o600 });
  const before = openSync(ownNamespace, 'r');
  try {
    unshare(newNetworkNamespace);
    try {
      raiseLoopback();
      mount({ source: ownNamespace, target: path, flags: mountFlags.bind });
    } finally {
      setns(before, newNetworkNamespace);
    }
  } finally {
    closeSync(before);
  }
}

/**
 * Brings this thread into a network namespace of its own with nothing in it but the loopback. Needs root (CAP_SYS_ADMIN).
 */
export function enterNetworkNamespace(): void {
  unshare(newNetworkNamespace);
  raiseLoopback();
}

// A new one is down, and runtimes raise only the one that they make; netdevice(7).
function raiseLoopback(): void {
  const request = Buffer.alloc(requestBytes);
  request.write('lo');
  request.writeInt16LE(interfaceUp, interfaceNameBytes);
  const descriptor = socket(internet, datagrams, 0);
  try {
    ioctl(descriptor, setInterfaceFlags, request);
  } finally {
    close(descriptor);
  }
}
