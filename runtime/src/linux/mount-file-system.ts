import { closeSync, readSync } from 'node:fs';
import { RuntimeError } from '../runtime-error.ts';
import { numberedSystemCall } from './system-call.ts';

/** Attributes of fsmount(2). */
export const mountAttributes = { readOnly: 1, noSuid: 2, noDev: 4, noExec: 8 } as const;

export type FileSystemRequest = {
  readonly type: string;
  readonly target: string;
  /** In order; a key may repeat, an undefined value sets a flag. The device or file to mount is `source`. */
  readonly options: readonly (readonly [key: string, value: string | undefined])[];
  /** A combination of {@link mountAttributes}. */
  readonly attributes?: number;
};

// include/uapi/linux/mount.h; the calls have the same number on every architecture.
const closeOnExec = 1;
const setFlag = 0;
const setString = 1;
const createContext = 6;
const emptySourcePath = 4;
const currentFolder = -100;

const fsopen = numberedSystemCall('fsopen', 430, ['const char*', 'unsigned int']);
const fsconfig = numberedSystemCall('fsconfig', 431, [
  'int',
  'unsigned int',
  'const char*',
  'const char*',
  'int',
]);
const fsmount = numberedSystemCall('fsmount', 432, ['int', 'unsigned int', 'unsigned int']);
const moveMount = numberedSystemCall('move_mount', 429, [
  'int',
  'const char*',
  'int',
  'const char*',
  'unsigned int',
]);

/**
 * Mounts a file system with one call per option (fsopen, fsconfig, fsmount, move_mount; Linux 5.2), so that
 * options may be many, long and hold any character. An error carries what the kernel said about it.
 */
export function mountFileSystem({ target, ...request }: FileSystemRequest): void {
  const mounted = openFileSystem(request);
  try {
    moveMount(mounted, '', currentFolder, target, emptySourcePath);
  } finally {
    closeSync(mounted);
  }
}

/**
 * Makes a mount that is nowhere yet, and that is gone as soon as the descriptor returned is closed. Also the way
 * to find out whether the kernel can mount something.
 */
export function openFileSystem({ type, options, attributes = 0 }: Omit<FileSystemRequest, 'target'>): number {
  const context = fsopen(type, closeOnExec);
  try {
    return withKernelLog(context, () => {
      for (const [key, value] of options) {
        fsconfig(context, value === undefined ? setFlag : setString, key, value ?? null, 0);
      }
      fsconfig(context, createContext, null, null, 0);
      return fsmount(context, closeOnExec, attributes);
    });
  } finally {
    closeSync(context);
  }
}

function withKernelLog<T>(context: number, action: () => T): T {
  try {
    return action();
  } catch (error) {
    const log = error instanceof RuntimeError ? readKernelLog(context) : [];
    if (!(error instanceof RuntimeError) || log.length === 0) throw error;
    throw new RuntimeError(error.code, `${error.message}; the kernel says: ${log.join('; ')}`, {
      cause: error.cause,
      ...(error.hint === undefined ? {} : { hint: error.hint }),
    });
  }
}

// Each read of a file system context gives one message, such as `e erofs: no valid superblock`.
function readKernelLog(context: number): readonly string[] {
  const messages: string[] = [];
  const buffer = Buffer.alloc(4096);
  for (;;) {
    try {
      const length = readSync(context, buffer);
      if (length <= 0) return messages;
      messages.push(
        buffer
          .toString('utf8', 0, length)
          .replace(/^[ewi] /, '')
          .trim(),
      );
    } catch {
      // ENODATA: no more messages.
      return messages;
    }
  }
}
