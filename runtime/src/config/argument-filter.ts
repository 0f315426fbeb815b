import { endianness } from 'node:os';
import type { Seccomp, SeccompAction, SeccompArgument, SeccompRule } from '@img/spec/runtime-config';
import type { FilterInstruction } from '../linux/filter-system-calls.ts';

/** The system calls that {@link systemCallFilter} tells apart by their arguments, and `clone3`. */
export type FilteredCall = 'clone' | 'clone3' | 'personality' | 'socket';

type Architecture = { readonly audit: number; readonly numbers: { readonly [call in FilteredCall]: number } };

// include/uapi/linux/audit.h, elf-em.h; arch/x86/entry/syscalls/syscall_64.tbl, include/uapi/asm-generic/unistd.h.
const generic = { clone: 220, clone3: 435, personality: 92, socket: 198 };
const architectures: { readonly [name in string]?: Architecture } = {
  SCMP_ARCH_X86_64: {
    audit: 0xc000_003e,
    numbers: { clone: 56, clone3: 435, personality: 135, socket: 41 },
  },
  SCMP_ARCH_AARCH64: { audit: 0xc000_00b7, numbers: generic },
  SCMP_ARCH_RISCV64: { audit: 0xc000_00f3, numbers: generic },
};

// include/uapi/linux/filter.h, bpf_common.h, seccomp.h
const load = 0x20;
const and = 0x54;
const jumpIfEqual = 0x15;
const jumpIfNotLess = 0x35;
const answer = 0x06;
const allowed = 0x7fff_0000;
const refused = 0x0005_0000;
const at = { number: 0, architecture: 4, arguments: 16 };

// The calls of x86 with 32-bit addresses have numbers of their own in the same architecture.
const firstForeignNumber = 0x4000_0000;
const newUserNamespace = 0x1000_0000;
const notImplemented = 38;
const notPermitted = 1;

/**
 * The part of a filter of system calls that looks at their arguments, and at the architecture that they are made for, as
 * a program for the kernel (seccomp(2)). It is for a process that starts a container by itself: what makes namespaces is
 * still possible in it, but for those of users; what the names of calls decide is left to another filter.
 *
 * @returns undefined for an architecture that no filter is for
 */
export function argumentFilter({
  architectures: [name = ''],
  defaultErrnoRet,
  syscalls,
}: Seccomp): readonly FilterInstruction[] | undefined {
  const architecture = architectures[name];
  if (architecture === undefined) return undefined;
  const { audit, numbers } = architecture;
  const other = refuse(defaultErrnoRet);
  const byArgument = (['personality', 'socket'] as const).flatMap((call) => [
    ...forCall(numbers[call], [...rulesFor(call, syscalls), other]),
  ]);
  return [
    [load, 0, 0, at.architecture],
    [jumpIfEqual, 1, 0, audit],
    refuse(notImplemented),
    [load, 0, 0, at.number],
    [jumpIfNotLess, 0, 1, firstForeignNumber],
    refuse(notImplemented),
    // Its flags are in memory, where no filter can look; the C library takes the other one then.
    ...forCall(numbers.clone3, [refuse(notImplemented)]),
    ...forCall(numbers.clone, [
      [load, 0, 0, lowHalf(0)],
      [and, 0, 0, newUserNamespace],
      [jumpIfEqual, 1, 0, 0],
      refuse(notPermitted),
      [answer, 0, 0, allowed],
    ]),
    ...byArgument,
    [answer, 0, 0, allowed],
  ];
}

function rulesFor(call: string, rules: readonly SeccompRule[]): readonly FilterInstruction[] {
  return rules
    .filter(({ names, args }) => names.includes(call) && args !== undefined)
    .flatMap(({ action, errnoRet, args = [] }) =>
      args.flatMap((argument) => compare(argument, action, errnoRet)),
    );
}

function compare(
  { index, op, value, valueTwo = 0 }: SeccompArgument,
  action: SeccompAction,
  errno = notPermitted,
): readonly FilterInstruction[] {
  const isMasked = op === 'SCMP_CMP_MASKED_EQ';
  return [
    [load, 0, 0, lowHalf(index)],
    ...(isMasked ? [[and, 0, 0, value] as const] : []),
    [jumpIfEqual, 0, 1, isMasked ? valueTwo : value],
    action === 'SCMP_ACT_ALLOW' ? [answer, 0, 0, allowed] : refuse(errno),
  ];
}

// What is not this call goes on behind the body, which decides in every case.
function forCall(number: number, body: readonly FilterInstruction[]): readonly FilterInstruction[] {
  return [[load, 0, 0, at.number], [jumpIfEqual, 0, body.length, number], ...body];
}

// The kernel reads these arguments as 32 bits.
function lowHalf(index: number): number {
  return at.arguments + 8 * index + (endianness() === 'LE' ? 0 : 4);
}

function refuse(errno: number): FilterInstruction {
  return [answer, 0, 0, refused + errno];
}
