import { systemCall } from './system-call.ts';

const getpagesize = systemCall('getpagesize', []);

/** In how many bytes at once the kernel of this machine counts memory: 4, 16 or 64 KiB. */
export function pageSize(): number {
  return getpagesize();
}
