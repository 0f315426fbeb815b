import type { ContainerRecord } from './container-record.ts';
import type { ProcessIdentity } from './process-identity.ts';

/** A container's record, and whether the process that it names as the supervisor runs. */
export type LookedAt = { readonly record: ContainerRecord; readonly isSupervised: boolean };

/**
 * Looks at a record and at its supervisor so that both belong together. A command may hand its container over to
 * another process and end between the two: then the record names the other one by now, and nobody may take a running
 * container for one that was left alone.
 *
 * @param read the record as it is now; undefined if there is none
 */
export function lookAtRecord(
  read: () => ContainerRecord | undefined,
  isRunning: (supervisor: ProcessIdentity) => boolean,
): LookedAt | undefined {
  let record = read();
  while (record !== undefined) {
    if (isRunning(record.supervisor)) return { record, isSupervised: true };
    const now = read();
    if (now !== undefined && isSame(now.supervisor, record.supervisor)) {
      return { record: now, isSupervised: false };
    }
    record = now;
  }
  return undefined;
}

function isSame(a: ProcessIdentity, b: ProcessIdentity): boolean {
  return a.pid === b.pid && a.startTicks === b.startTicks && a.bootId === b.bootId;
}
