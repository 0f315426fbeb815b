import { readdirSync, readlinkSync } from 'node:fs';
import { type ContainerRecord, controlGroupOf } from './container-record.ts';
import { controlGroupMembers, readControlGroups } from './control-groups.ts';
import { readPidNamespace } from './process-identity.ts';

/**
 * The processes of a running container, by ascending number: those in its control group, or in its process namespace. In
 * the control group of a container of nspawn that is, too.
 */
export function containerProcesses(
  container: Pick<ContainerRecord, 'id' | 'unit' | 'isUngrouped' | 'runtime'> & {
    readonly pid: number | undefined;
  },
): readonly number[] {
  const { pid, isUngrouped, runtime } = container;
  if (isUngrouped !== true && runtime !== 'nspawn') {
    return controlGroupMembers(readControlGroups(), controlGroupOf(container));
  }
  const namespace = pid === undefined ? undefined : namespaceOf(pid);
  // That of the host would be one of a process that was given the number since.
  if (namespace === undefined || namespace === readPidNamespace()) return [];
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && namespaceOf(name) === namespace)
    .map(Number)
    .sort((a, b) => a - b);
}

function namespaceOf(pid: number | string): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/pid`);
  } catch {
    // It has ended, or is somebody else's.
    return undefined;
  }
}
