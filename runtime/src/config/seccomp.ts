import type { Seccomp, SeccompArgument, SeccompRule } from '@img/spec/runtime-config';
import { RuntimeError } from '../runtime-error.ts';
import { allowedSystemCalls, deniedSystemCalls, strictlyDeniedSystemCalls } from './system-call-names.ts';

// Only the architecture of the image itself: the numbers of other ones are a second way into the kernel, and
// filters for three of them cost 20 ms per start.
const architectures: { readonly [architecture: string]: string } = {
  amd64: 'SCMP_ARCH_X86_64',
  arm64: 'SCMP_ARCH_AARCH64',
  riscv64: 'SCMP_ARCH_RISCV64',
};

const errno = { notPermitted: 1, notImplemented: 38, familyUnsupported: 97 };

// The kernel reads these arguments as 32 bits, the filter sees 64: without the mask a program could set a high bit and pass.
const low32Bits = 0xffff_ffff;

// clone(2): CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC, CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET.
const cloneNewNamespace = 0x7e02_0000;

// Linux, Linux with 32-bit addresses, Linux without address randomisation, both, and the question what is set.
const personalities = [0x0, 0x8, 0x2_0000, 0x2_0008, 0xffff_ffff];
// Plain Linux, and the question.
const fewPersonalities = [0x0, 0xffff_ffff];

// AF_UNIX, AF_INET, AF_INET6 and AF_NETLINK, which the C library needs to list interfaces.
const socketFamilies = [1, 2, 10, 16];
// AF_PACKET, AF_ALG and AF_VSOCK reach the hardware, the kernel's crypto code and the hypervisor.
const deniedSocketFamilies = [17, 38, 40];

/**
 * The filter of system calls for a profile.
 *
 * @param architecture the image's, in Go's words
 * @param which `few` denies also what an app with nobody to watch and nothing to set up does not call
 * @throws RuntimeError HOST_UNSUPPORTED for an architecture without a list
 */
export function systemCallFilter(architecture: string, which: 'usual' | 'few'): Seccomp {
  const native = Object.hasOwn(architectures, architecture) ? architectures[architecture] : undefined;
  if (native === undefined) {
    throw new RuntimeError(
      'HOST_UNSUPPORTED',
      `no list of allowed system calls for the architecture ${architecture}`,
      { hint: `there are lists for ${Object.keys(architectures).join(', ')}` },
    );
  }
  const further = which === 'few' ? strictlyDeniedSystemCalls : [];
  return {
    defaultAction: 'SCMP_ACT_ERRNO',
    defaultErrnoRet: errno.notImplemented,
    architectures: [native],
    syscalls: [
      allow(allowedSystemCalls.filter((name) => !further.includes(name))),
      deny([...deniedSystemCalls, ...further], errno.notPermitted),
      // clone3 passes its flags in memory, where no filter can look; ENOSYS makes the C library use clone.
      allow(['clone'], { index: 0, value: cloneNewNamespace, valueTwo: 0, op: 'SCMP_CMP_MASKED_EQ' }),
      ...(which === 'few' ? fewPersonalities : personalities).map((value) =>
        allow(['personality'], { index: 0, value, op: 'SCMP_CMP_EQ' }),
      ),
      ...socketFamilies.map((family) => allow(['socket'], maskedEqual(0, family))),
      ...deniedSocketFamilies.map((family) =>
        deny(['socket'], errno.familyUnsupported, maskedEqual(0, family)),
      ),
    ],
  };
}

function maskedEqual(index: number, value: number): SeccompArgument {
  return { index, value: low32Bits, valueTwo: value, op: 'SCMP_CMP_MASKED_EQ' };
}

function allow(names: readonly string[], ...args: readonly SeccompArgument[]): SeccompRule {
  return { names, action: 'SCMP_ACT_ALLOW', ...(args.length === 0 ? {} : { args }) };
}

function deny(names: readonly string[], errnoRet: number, ...args: readonly SeccompArgument[]): SeccompRule {
  return { names, action: 'SCMP_ACT_ERRNO', errnoRet, ...(args.length === 0 ? {} : { args }) };
}
