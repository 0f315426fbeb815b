import { fstatSync, readlinkSync } from 'node:fs';
import { constants } from 'node:os';
import { isatty } from 'node:tty';
import { type FilterInstruction, filterSystemCalls } from './filter-system-calls.ts';

// include/uapi/linux/seccomp.h, filter.h
const loadWord = 0x20;
const skipIfEqual = 0x15;
const answer = 0x06;
const allow = 0x7fff_0000;
const refuse = 0x0005_0000 | constants.errno.EPERM;
// struct seccomp_data; all these processors have the lower half of an argument first.
const offsets = { number: 0, processor: 4, descriptor: 16 };

/** As audit.h names a processor, and the number of fchown there (asm/unistd.h). */
const processors: { readonly [arch: string]: readonly [processor: number, fchown: number] | undefined } = {
  x64: [0xc000_003e, 93],
  arm64: [0xc000_00b7, 55],
  riscv64: [0xc000_00f3, 55],
};

/** Whether {@link keepStreamOwners} does something here. */
export const canKeepOwners = processors[process.arch] !== undefined;

/** Whether one of these standard streams is a file: no terminal, pipe or device. */
export function hasFileStream(streams: readonly number[] = [0, 1, 2]): boolean {
  return streams.some((stream) => {
    try {
      return fstatSync(stream).isFile();
    } catch {
      // The caller has closed it.
      return false;
    }
  });
}

/**
 * Which of these standard streams others than the app have, too, or will have: files, devices such as /dev/null, pipes
 * with a name. The rest are terminals, which runtimes leave alone, and pipes and sockets that were made for the app.
 */
export function sharedStreams(streams: readonly number[]): readonly number[] {
  return streams.filter((stream) => {
    try {
      return !/^(?:pipe|socket):/.test(readlinkSync(`/proc/self/fd/${stream}`)) && !isatty(stream);
    } catch {
      // The caller has closed it.
      return false;
    }
  });
}

/**
 * Has the kernel refuse that this process, or what is executed in its place, gives some of its standard streams to other
 * users by their descriptors: runtimes do, so that an app can open them anew, and what was a file of the caller would be
 * one of the app, which could then change what it only should read or add to, and close /dev/null to the whole host. It
 * stays so for the app, and can't be undone. Needs CAP_SYS_ADMIN, which root of a user namespace has. Does nothing
 * unless {@link canKeepOwners}.
 *
 * @throws RuntimeError SYSTEM_CALL_FAILED
 */
export function keepStreamOwners(streams: readonly number[]): void {
  const known = processors[process.arch];
  if (known === undefined) return;
  const [processor, fchown] = known;
  const count = streams.length;
  filterSystemCalls([
    [loadWord, 0, 0, offsets.processor],
    [skipIfEqual, 0, count + 3, processor],
    [loadWord, 0, 0, offsets.number],
    [skipIfEqual, 0, count + 1, fchown],
    [loadWord, 0, 0, offsets.descriptor],
    ...streams.map((stream, index): FilterInstruction => [skipIfEqual, count - index, 0, stream]),
    [answer, 0, 0, allow],
    [answer, 0, 0, refuse],
  ]);
}
