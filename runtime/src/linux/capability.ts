import { readFileSync } from 'node:fs';

/** Numbers of capabilities (include/uapi/linux/capability.h). */
export const capabilities = { sysResource: 24 } as const;

/** All of them by their numbers, as capabilities(7) and configs of runtimes call them. */
export const capabilityNames: readonly string[] = [
  'CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE',
  'NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN',
  'SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP',
  'MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE',
].flatMap((line) => line.split(' ').map((name) => `CAP_${name}`));

/** The set of capabilities as the kernel shows it in /proc: one bit each. A name that is none has no bit. */
export function capabilityMask(set: readonly string[]): bigint {
  return capabilityNames.reduce(
    (mask, name, number) => (set.includes(name) ? mask | (1n << BigInt(number)) : mask),
    0n,
  );
}

/** Whether this process has a capability in effect. */
export function hasCapability(number: number): boolean {
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0';
  return ((BigInt(`0x${effective}`) >> BigInt(number)) & 1n) === 1n;
}
