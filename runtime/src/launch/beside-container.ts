import { closeSync, constants, mkdirSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { mountAttributes, mountFileSystem } from '../linux/mount-file-system.ts';
import { enterPrivateMounts } from '../linux/private-mounts.ts';
import { systemCall } from '../linux/system-call.ts';
import { RuntimeError } from '../runtime-error.ts';
import type { RunningContainer } from '../state/container.ts';
import { readControlGroups } from '../state/control-groups.ts';
import type { RunState } from '../state/run-state.ts';
import { hideUnified } from './hide-unified.ts';

const setns = systemCall('setns', ['int', 'int']);
const fchdir = systemCall('fchdir', ['int']);
const chroot = systemCall('chroot', ['const char*']);

// include/uapi/linux/sched.h, asm-generic/fcntl.h
const mountNamespace = 0x0002_0000;
const onlyPath = 0o10_000_000;

/**
 * Calls what has a runtime start a program beside the app of a container, once it is certain that it arrives in the root
 * of that. Until it returns, this thread has a mount namespace of its own, in which the folder of bundles is empty and
 * in memory; what was started keeps it.
 *
 * @throws RuntimeError CONTAINER_ENDED, HOST_UNSUPPORTED, SYSTEM_CALL_FAILED, and what the action throws
 */
export function besideContainer<T>(
  state: RunState,
  { id, name, pid, runtime }: RunningContainer,
  start: () => T,
): T {
  if (pid === undefined) {
    throw new RuntimeError('CONTAINER_ENDED', `container ${name ?? id} has not started yet`, {
      hint: 'try again in a moment',
    });
  }
  using _places = new ThreadPlaces();
  enterPrivateMounts();
  const isInRoot = arrivesInRoot(pid);
  if (isInRoot === undefined) {
    throw new RuntimeError('CONTAINER_ENDED', `container ${name ?? id} has just ended`);
  }
  if (!isInRoot) {
    throw new RuntimeError(
      'HOST_UNSUPPORTED',
      `container ${name ?? id} was started in a chroot, and a command would not arrive in its root but outside of that`,
      { hint: 'start it outside of the chroot, or make a root with pivot_root or systemd-nspawn instead' },
    );
  }
  mountFileSystem({
    type: 'tmpfs',
    target: state.bundleFolder,
    options: [
      ['source', 'img'],
      ['mode', '700'],
    ],
    attributes: mountAttributes.noSuid | mountAttributes.noDev,
  });
  // runc starts in the folder where the root of the container was mounted for its own start.
  mkdirSync(join(state.bundleFolder, 'rootfs'));
  const { mode, isUnifiedInUse } = readControlGroups();
  if (runtime === 'crun' && mode === 'hybrid' && isUnifiedInUse) hideUnified();
  return start();
}

/** Where this thread is: its mounts, its root and its folder, into which it goes back. */
class ThreadPlaces implements Disposable {
  readonly #mounts = openSync('/proc/thread-self/ns/mnt', 'r');
  readonly #root = openSync('/', onlyPath);
  readonly #folder = openSync('.', onlyPath);

  [Symbol.dispose](): void {
    setns(this.#mounts, mountNamespace);
    fchdir(this.#root);
    chroot('.');
    fchdir(this.#folder);
    for (const descriptor of [this.#mounts, this.#root, this.#folder]) closeSync(descriptor);
  }
}

// What enters a mount namespace is at the root of all its mounts; pivot_root(2) made that the root of the container,
// unless it was itself in a chroot. Undefined if the process has ended.
function arrivesInRoot(pid: number): boolean | undefined {
  using descriptors = new DisposableStack();
  const keep = (descriptor: number) => descriptors.adopt(descriptor, closeSync);
  try {
    const root = keep(openSync(`/proc/${pid}/root`, onlyPath));
    const theirs = keep(openSync(`/proc/${pid}/ns/mnt`, constants.O_RDONLY));
    return mountOf(keep(reachRoot(theirs))) === mountOf(root);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ESRCH') return undefined;
    throw error;
  }
}

function reachRoot(namespace: number): number {
  using _places = new ThreadPlaces();
  setns(namespace, mountNamespace);
  return openSync('/', onlyPath);
}

// proc(5): a number of each mount.
function mountOf(descriptor: number): string | undefined {
  return /^mnt_id:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${descriptor}`, 'utf8'))?.[1];
}
