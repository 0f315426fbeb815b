import { endianness } from 'node:os';
import { addressOf, systemCall } from './system-call.ts';

// include/uapi/linux/prctl.h, seccomp.h
const setSeccomp = 22;
const filterMode = 2;
const instructionBytes = 8;

const prctl = systemCall('prctl', ['int', 'unsigned long', 'void*', 'unsigned long', 'unsigned long']);

/**
 * Makes the kernel ask a program about each system call that this thread makes from now on, and about those of every
 * program that it executes or starts. Nothing takes it away again. Needs root (CAP_SYS_ADMIN).
 *
 * @param program instructions as in seccomp(2)
 */
export function filterSystemCalls(program: Uint8Array): void {
  // struct sock_fprog: the number of instructions, and behind padding where they are.
  const header = new DataView(new ArrayBuffer(16));
  const isLittle = endianness() === 'LE';
  header.setUint16(0, program.length / instructionBytes, isLittle);
  header.setBigUint64(8, addressOf(program), isLittle);
  prctl(setSeccomp, filterMode, new Uint8Array(header.buffer), 0, 0);
}
