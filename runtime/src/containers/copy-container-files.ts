import { closeSync, openSync } from 'node:fs';
import { type CopyFilesOptions, type CopySource, type CopyTarget, copyFiles } from '../copy/copy-files.ts';
import { RuntimeError } from '../runtime-error.ts';
import { type Container, isEnded } from '../state/container.ts';
import type { RunState } from '../state/run-state.ts';
import { openContainerRoot, writableFolders } from './container-root.ts';
import { readAppProcess } from './describe-container.ts';

/** A path of this host if it has no container; absolute then. */
export type FilePlace = {
  readonly container?: Container;
  readonly path: string;
  /** How messages name it. */
  readonly what: string;
};

export type CopyRequest = {
  /** A place, or a tar archive. */
  readonly from: FilePlace | AsyncIterable<Uint8Array>;
  /** A place, or what takes a tar archive. */
  readonly to: FilePlace | ((archive: AsyncIterable<Uint8Array>) => Promise<void>);
  /** Whether a link is copied as what it leads to. */
  readonly isFollowed: boolean;
  /** Whether numbers of users and groups are kept; else files belong to the app's user, or to this process's. */
  readonly keepsOwners: boolean;
};

/**
 * Copies files into a container, out of it or between two, while its app runs: as that sees them, with all that is
 * mounted there, and never through a link that leads out of it. What gets rights by who owns it (set-user-ID) loses them
 * on the way to this host, and elsewhere unless owners are kept.
 *
 * @throws RuntimeError CONTAINER_ENDED, COPY_FAILED with what the file system said, and as `copyFiles`
 */
export async function copyContainerFiles(
  state: RunState,
  { from, to, isFollowed, keepsOwners }: CopyRequest,
  options: CopyFilesOptions,
): Promise<void> {
  using roots = new DisposableStack();
  const openRoot = ({ container }: FilePlace): number => {
    const root = container === undefined ? openSync('/', 'r') : openContainerRoot(container);
    roots.defer(() => closeSync(root));
    return root;
  };
  try {
    const source: CopySource = isPlace(from)
      ? { kind: 'path', ...from, root: openRoot(from), isFollowed }
      : { kind: 'archive', bytes: from };
    const target: CopyTarget =
      typeof to === 'function'
        ? { kind: 'archive', write: to }
        : { kind: 'path', ...to, root: openRoot(to), ...rightsIn(state, to, keepsOwners) };
    await copyFiles(source, target, options);
  } catch (error) {
    throw explained(error, typeof to === 'function' ? undefined : to);
  }
}

function isPlace(from: CopyRequest['from']): from is FilePlace {
  return 'what' in from;
}

function rightsIn(state: RunState, { container }: FilePlace, keepsOwners: boolean) {
  const modeMask = keepsOwners && container !== undefined ? 0o7777 : 0o777;
  if (keepsOwners) return { modeMask };
  const app = container === undefined ? undefined : readAppProcess(state, container.id);
  const { uid, gid } = app?.user ?? { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 };
  return { modeMask, owner: { uid, gid } };
}

function explained(error: unknown, to: FilePlace | undefined): unknown {
  // Of the file system; what is refused on purpose says more.
  const isSystemCall = error instanceof RuntimeError && error.code === 'SYSTEM_CALL_FAILED';
  const { code, syscall } = (isSystemCall ? error.cause : error) as NodeJS.ErrnoException;
  if ((error instanceof RuntimeError && !isSystemCall) || code === undefined || syscall === undefined) {
    return error;
  }
  const container = to?.container;
  if (code === 'EROFS' && container !== undefined && !isEnded(container) && container.pid !== undefined) {
    const places = foldersToWrite(container.pid).join(', ');
    return new RuntimeError(
      'COPY_FAILED',
      `${to?.what} is read-only for the app, and so for what is copied there`,
      {
        cause: error,
        hint: places === '' ? 'nothing is writable in this container' : `writable are ${places}`,
      },
    );
  }
  const reason = code === 'ENOSPC' ? 'nothing more fits there' : `${syscall} failed with ${code}`;
  return new RuntimeError('COPY_FAILED', `the copy could not be made: ${reason}`, { cause: error });
}

// None of an app that has ended meanwhile.
function foldersToWrite(pid: number): readonly string[] {
  try {
    return writableFolders(pid);
  } catch {
    return [];
  }
}
