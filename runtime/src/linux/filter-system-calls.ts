import { endianness } from 'node:os';
import { addressOf, systemCall } from './system-call.ts';

// include/uapi/linux/prctl.h, seccomp.h
const setSeccomp = 22;
const filterMode = 2;
const headerBytes = 16;
const instructionBytes = 8;

/** One instruction of a filter of system calls, as struct sock_filter has it (include/uapi/linux/filter.h). */
export type FilterInstruction = readonly [code: number, ifTrue: number, ifFalse: number, value: number];

const prctl = systemCall('prctl', ['int', 'unsigned long', 'void*', 'unsigned long', 'unsigned long']);

/**
 * Makes the kernel ask a program about each system call that this thread makes from now on, and about those of every
 * program that it executes or starts. Nothing takes it away again. Needs root (CAP_SYS_ADMIN).
 *
 * @param program instructions as in seccomp(2)
 */
export function filterSystemCalls(program: readonly FilterInstruction[]): void {
  // The program is in the same memory as what points to it, so that it is there as long as that.
  const view = new DataView(new ArrayBuffer(headerBytes + program.length * instructionBytes));
  const bytes = new Uint8Array(view.buffer);
  const isLittle = endianness() === 'LE';
  // struct sock_fprog: the number of instructions, and behind padding where they are.
  view.setUint16(0, program.length, isLittle);
  view.setBigUint64(8, addressOf(bytes) + BigInt(headerBytes), isLittle);
  for (const [index, [code, ifTrue, ifFalse, value]] of program.entries()) {
    const start = headerBytes + index * instructionBytes;
    view.setUint16(start, code, isLittle);
    view.setUint8(start + 2, ifTrue);
    view.setUint8(start + 3, ifFalse);
    view.setUint32(start + 4, value, isLittle);
  }
  prctl(setSeccomp, filterMode, bytes, 0, 0);
}
