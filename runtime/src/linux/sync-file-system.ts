import { systemCall } from './system-call.ts';

const syncfs = systemCall('syncfs', ['int']);

/** Writes everything that the file system of an open file or folder has in memory to its disk; syncfs(2). */
export function syncFileSystem(descriptor: number): void {
  syncfs(descriptor);
}
