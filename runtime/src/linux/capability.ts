import { readFileSync } from 'node:fs';

/** Numbers of capabilities (include/uapi/linux/capability.h). */
export const capabilities = { sysResource: 24 } as const;

/** Whether this process has a capability in effect. */
export function hasCapability(number: number): boolean {
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0';
  return ((BigInt(`0x${effective}`) >> BigInt(number)) & 1n) === 1n;
}
