import { systemCall } from './system-call.ts';

/** Flags of mount(2). */
export const mountFlags = {
  readOnly: 1,
  noSuid: 2,
  noDev: 4,
  noExec: 8,
  remount: 32,
  bind: 4096,
  move: 8192,
  recursive: 16384,
  private: 1 << 18,
  slave: 1 << 19,
} as const;

export type MountRequest = {
  readonly target: string;
  /** A device, a folder for a bind mount, or any word for file systems without a source. */
  readonly source?: string;
  readonly type?: string;
  /** A combination of {@link mountFlags}. */
  readonly flags?: number;
  /** Options of the file system, comma-separated, 4 kB at most; `mountFileSystem` has no such limit. */
  readonly data?: string;
};

const nativeMount = systemCall('mount', [
  'const char*',
  'const char*',
  'const char*',
  'unsigned long',
  'const char*',
]);
const nativeUnmount = systemCall('umount2', ['const char*', 'int']);

/** mount(2), in the mount namespace of the calling thread. */
export function mount({ target, source, type, flags = 0, data }: MountRequest): void {
  nativeMount(source ?? null, target, type ?? null, flags, data ?? null);
}

/** umount2(2), in the mount namespace of the calling thread. */
export function unmount(target: string): void {
  nativeUnmount(target, 0);
}
