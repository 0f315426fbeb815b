import { RuntimeError } from '../runtime-error.ts';
import type { RuntimeName } from '../state/container-record.ts';
import type { ControlGroups } from '../state/control-groups.ts';
import { runtimePrograms } from './find-runtime.ts';

/** A runtime of this host and how it has to be started here. */
export type ChosenRuntime = {
  readonly name: RuntimeName;
  readonly path: string;
  /**
   * Whether the unified hierarchy of control groups must be hidden from it. crun refuses a hybrid host whose unified
   * hierarchy holds a controller, but needs nothing of it.
   */
  readonly hidesUnified: boolean;
};

/** What of a host decides about the runtime. */
export type RuntimeHost = Pick<ControlGroups, 'mode' | 'isUnifiedInUse'> & {
  /** Whether this process may raise limits of resources (CAP_SYS_RESOURCE). */
  readonly canRaiseLimits: boolean;
  /** Whether this process, in whose place the runtime comes, has children. */
  readonly hasChildren: boolean;
  /** Whether an app that is not root has a file as its input or output. */
  readonly hasFiles?: boolean;
};

// crun starts in a third of runc's time and needs a quarter of its memory. nspawn can do the least, see launcher-table.
const byPreference: readonly RuntimeName[] = ['crun', 'runc', 'nspawn'];
// For the device rules of the unified hierarchy crun 1.8 raises its own limit of locked memory, and fails if it can't.
// It ends only when it has no child left. Those of a shell that executed this program in its own place are children
// of crun, too, such as background jobs, or a `tee` that in turn waits for the end of the output: runc waits for the
// app alone. A file that is the caller's an app of another user can't open anew, such as /dev/stdout: runc gives it a
// pipe instead, and copies.
const byPreferenceLimited: readonly RuntimeName[] = ['runc', 'crun', 'nspawn'];

/**
 * @param wanted the caller's choice, if any
 * @param find where a program is on this host
 * @throws RuntimeError RUNTIME_MISSING, HOST_UNSUPPORTED
 */
export function chooseRuntime(
  wanted: RuntimeName | undefined,
  { mode, isUnifiedInUse, canRaiseLimits, hasChildren, hasFiles = false }: RuntimeHost,
  find: (name: string) => string | undefined,
): ChosenRuntime {
  if (mode === 'none') {
    throw new RuntimeError('HOST_UNSUPPORTED', 'this host has no control groups mounted at /sys/fs/cgroup', {
      hint: 'inside of a container, start that with its control groups writable',
    });
  }
  const isLimited = hasChildren || hasFiles || (mode === 'v2' && !canRaiseLimits);
  const preferred = isLimited ? byPreferenceLimited : byPreference;
  for (const name of wanted === undefined ? preferred : [wanted]) {
    const path = find(runtimePrograms[name].program);
    if (path === undefined) continue;
    const hidesUnified = name === 'crun' && mode === 'hybrid' && isUnifiedInUse;
    return { name, path, hidesUnified };
  }
  throw new RuntimeError(
    'RUNTIME_MISSING',
    wanted === undefined
      ? 'neither crun nor runc is installed'
      : `${runtimePrograms[wanted].program} is not installed`,
    {
      hint: `install it, on Debian with: apt-get install ${runtimePrograms[wanted ?? 'crun'].debianPackage}`,
    },
  );
}
