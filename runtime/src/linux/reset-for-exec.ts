import { constants, readdirSync } from 'node:fs';
import { constants as osConstants } from 'node:os';
import { hasErrno, systemCall } from './system-call.ts';

// include/uapi/asm-generic/fcntl.h
const setDescriptorFlags = 2;
const openOnExec = 0;
const closeOnExec = 1;
const getStatusFlags = 3;
const setStatusFlags = 4;

const fcntl = systemCall('fcntl', ['int', 'int', 'long']);
const signal = systemCall('signal', ['int', 'long']);

// Real-time signals come after it.
const lastSignal = 31;
// Can't be changed, or the caller's to decide: who starts this with nohup wants it to go on after a hang-up.
const leftAlone: readonly number[] = [
  osConstants.signals.SIGKILL,
  osConstants.signals.SIGSTOP,
  osConstants.signals.SIGHUP,
];

/**
 * Makes this process such that an exec passes on nothing by accident: Node ignores SIGPIPE and SIGXFSZ, and a shell
 * SIGINT and SIGQUIT of what it starts in the background, which would stay ignored in the app; Node makes standard
 * streams non-blocking; and descriptors that the caller left open would be open in the app.
 *
 * @param kept descriptors that what is executed is to have
 */
export function resetForExec(kept: readonly number[] = []): void {
  for (const stream of [0, 1, 2]) makeBlocking(stream);
  closeOthersOnExec();
  for (const descriptor of kept) fcntl(descriptor, setDescriptorFlags, openOnExec);
  for (let number = 1; number <= lastSignal; number += 1) {
    if (!leftAlone.includes(number)) signal(number, 0);
  }
}

/** Makes descriptors that the caller left open, except for the standard streams, close in whatever is executed. */
export function closeOthersOnExec(): void {
  for (const name of readdirSync('/proc/self/fd')) {
    if (Number(name) > 2) ignoreClosed(() => fcntl(Number(name), setDescriptorFlags, closeOnExec));
  }
}

function makeBlocking(stream: number): void {
  ignoreClosed(() => {
    const flags = fcntl(stream, getStatusFlags, 0);
    if ((flags & constants.O_NONBLOCK) !== 0) fcntl(stream, setStatusFlags, flags & ~constants.O_NONBLOCK);
  });
}

// The list of descriptors names the one with which it was read; a caller may have closed a standard stream.
function ignoreClosed(action: () => void): void {
  try {
    action();
  } catch (error) {
    if (!hasErrno(error, 'EBADF')) throw error;
  }
}
