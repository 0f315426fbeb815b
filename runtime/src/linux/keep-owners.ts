import { fstatSync } from 'node:fs';
import { constants } from 'node:os';
import { filterSystemCalls } from './filter-system-calls.ts';

// include/uapi/linux/seccomp.h, filter.h
const loadWord = 0x20;
const skipIfEqual = 0x15;
const skipIfGreater = 0x25;
const answer = 0x06;
const allow = 0x7fff_0000;
const refuse = 0x0005_0000 | constants.errno.EPERM;
const instructionBytes = 8;
// struct seccomp_data; both processors have the lower half of an argument first.
const offsets = { number: 0, processor: 4, descriptor: 16 };
const lastStream = 2;

/** As audit.h names a processor, and the number of fchown there (asm/unistd.h). */
const processors: { readonly [arch: string]: readonly [processor: number, fchown: number] | undefined } = {
  x64: [0xc000_003e, 93],
  arm64: [0xc000_00b7, 55],
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
 * Has the kernel refuse that this process, or what is executed in its place, gives its standard streams to other users
 * by their descriptors: runtimes do, so that an app can open them anew, and what was a file of the caller would be one
 * of the app, which could then change what it only should read or add to. It stays so for the app, and can't be undone.
 * Needs CAP_SYS_ADMIN, which root of a user namespace has. Does nothing on a processor that Node does not run on.
 *
 * @throws RuntimeError SYSTEM_CALL_FAILED
 */
export function keepStreamOwners(): void {
  const known = processors[process.arch];
  if (known === undefined) return;
  const [processor, fchown] = known;
  filterSystemCalls(
    encode([
      [loadWord, 0, 0, offsets.processor],
      [skipIfEqual, 0, 5, processor],
      [loadWord, 0, 0, offsets.number],
      [skipIfEqual, 0, 3, fchown],
      [loadWord, 0, 0, offsets.descriptor],
      [skipIfGreater, 1, 0, lastStream],
      [answer, 0, 0, refuse],
      [answer, 0, 0, allow],
    ]),
  );
}

type Instruction = readonly [code: number, ifTrue: number, ifFalse: number, value: number];

// struct sock_filter
function encode(instructions: readonly Instruction[]): Uint8Array {
  const bytes = Buffer.alloc(instructions.length * instructionBytes);
  for (const [index, [code, ifTrue, ifFalse, value]] of instructions.entries()) {
    const start = index * instructionBytes;
    bytes.writeUInt16LE(code, start);
    bytes.writeUInt8(ifTrue, start + 2);
    bytes.writeUInt8(ifFalse, start + 3);
    bytes.writeUInt32LE(value, start + 4);
  }
  return bytes;
}
