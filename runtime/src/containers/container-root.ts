import { closeSync, openSync, readFileSync } from 'node:fs';
import { isAtOrBelow } from '../config/inside-path.ts';
import { RuntimeError } from '../runtime-error.ts';
import { type Container, isEnded } from '../state/container.ts';
import { containerProcesses } from '../state/container-processes.ts';

/**
 * Opens the root folder of a container, as its app sees it: with everything that is mounted there.
 *
 * @returns a descriptor, which the caller closes
 * @throws RuntimeError CONTAINER_ENDED
 */
export function openContainerRoot(container: Container): number {
  const name = container.name ?? container.id;
  if (isEnded(container)) {
    throw new RuntimeError(
      'CONTAINER_ENDED',
      `container ${name} has ended, and with it everything that it wrote: that was in memory`,
      { hint: 'let the app write what shall stay to a folder of the host, with img run --volume' },
    );
  }
  const { pid } = container;
  const root = pid === undefined ? undefined : openRoot(pid);
  // Asked afterwards: a number is given to another process only when this one has ended, and none else is among its processes.
  if (root !== undefined && containerProcesses(container).includes(pid ?? 0)) {
    return root;
  }
  if (root !== undefined) closeSync(root);
  throw new RuntimeError(
    'CONTAINER_ENDED',
    `container ${name} ${pid === undefined ? 'has not started yet' : 'has just ended'}`,
  );
}

/** Where the app of a container can write: what is mounted writable there, without the kernel's own file systems. */
export function writableFolders(pid: number): readonly string[] {
  return readFileSync(`/proc/${pid}/mountinfo`, 'utf8')
    .split('\n')
    .map((line) => line.split(' '))
    .filter(([, , , , target = '', options = '']) => {
      const isOfKernel = ['/proc', '/sys', '/dev'].some((folder) => isAtOrBelow(target, folder));
      return target !== '' && !isOfKernel && options.split(',').includes('rw');
    })
    .map(([, , , , target = '']) => target)
    .sort();
}

function openRoot(pid: number): number | undefined {
  try {
    return openSync(`/proc/${pid}/root`, 'r');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ESRCH') return undefined;
    throw error;
  }
}
