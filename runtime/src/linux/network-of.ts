import { closeSync, openSync, readlinkSync } from 'node:fs';
import { systemCall } from './system-call.ts';

const setns = systemCall('setns', ['int', 'int']);
// include/uapi/linux/sched.h
const networkNamespace = 0x4000_0000;
const ownNamespace = '/proc/thread-self/ns/net';

let last: Promise<unknown> = Promise.resolve();

/**
 * Calls what opens connections in the network that a process has; one after the other, because meanwhile all that this
 * thread opens is there. Needs root (CAP_SYS_ADMIN) where that is another network.
 *
 * @throws RuntimeError SYSTEM_CALL_FAILED, errors of the file system if the process has ended, and what the action throws
 */
export async function inNetworkOf<T>(pid: number, action: () => Promise<T>): Promise<T> {
  const turn = last.then(async () => await enter(`/proc/${pid}/ns/net`, action));
  last = turn.catch(() => undefined);
  return await turn;
}

async function enter<T>(path: string, action: () => Promise<T>): Promise<T> {
  if (readlinkSync(path) === readlinkSync(ownNamespace)) return await action();
  using descriptors = new DisposableStack();
  const [theirs, ours] = [path, ownNamespace].map((file) => {
    const descriptor = openSync(file, 'r');
    descriptors.defer(() => closeSync(descriptor));
    return descriptor;
  }) as [number, number];
  setns(theirs, networkNamespace);
  try {
    return await action();
  } finally {
    setns(ours, networkNamespace);
  }
}
