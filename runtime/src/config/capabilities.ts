import type { RuntimeCapabilities } from '@img/spec/runtime-config';

// What a root process needs to manage files and users of its own image; podman's default set.
const rootCapabilities: readonly string[] = [
  'CAP_CHOWN',
  'CAP_DAC_OVERRIDE',
  'CAP_FOWNER',
  'CAP_FSETID',
  'CAP_KILL',
  'CAP_NET_BIND_SERVICE',
  'CAP_SETFCAP',
  'CAP_SETGID',
  'CAP_SETPCAP',
  'CAP_SETUID',
  'CAP_SYS_CHROOT',
];

/**
 * The capabilities of the profile `app`: none at all for a process that does not start as root. Inheritable and
 * ambient are always empty, so that no program in the image gains any by being run (CVE-2022-24769).
 */
export function appCapabilities(uid: number): RuntimeCapabilities {
  const set = uid === 0 ? rootCapabilities : [];
  return { bounding: set, effective: set, permitted: set, inheritable: [], ambient: [] };
}
