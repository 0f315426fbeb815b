/** Files of the kernel that tell about the host or its other processes; they look empty to the app. */
export const maskedPaths: readonly string[] = [
  '/proc/acpi',
  '/proc/asound',
  '/proc/interrupts',
  '/proc/kcore',
  '/proc/keys',
  '/proc/latency_stats',
  '/proc/sched_debug',
  '/proc/scsi',
  '/proc/timer_list',
  '/proc/timer_stats',
  '/sys/dev/block',
  '/sys/devices/virtual/powercap',
  '/sys/firmware',
  '/sys/fs/selinux',
];

/**
 * Files that tell which kernel, hardware and modules the host has, and with that where it can be attacked; hidden
 * from an app in the profile `strict`.
 */
export const strictlyMaskedPaths: readonly string[] = [
  '/proc/bootconfig',
  '/proc/buddyinfo',
  '/proc/cmdline',
  '/proc/config.gz',
  '/proc/iomem',
  '/proc/ioports',
  '/proc/kallsyms',
  '/proc/kpagecount',
  '/proc/modules',
  '/proc/pagetypeinfo',
  '/proc/slabinfo',
  '/proc/vmallocinfo',
  '/sys/block',
  '/sys/bus',
  '/sys/class/dmi',
  '/sys/devices/virtual/dmi',
  '/sys/kernel',
  '/sys/module',
  '/sys/power',
];

/** Files of the kernel through which the host could be changed. */
export const readonlyPaths: readonly string[] = [
  '/proc/bus',
  '/proc/fs',
  '/proc/irq',
  '/proc/sys',
  '/proc/sysrq-trigger',
];
