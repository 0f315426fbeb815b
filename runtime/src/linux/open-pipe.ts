import { endianness } from 'node:os';
import { systemCall } from './system-call.ts';

// include/uapi/asm-generic/fcntl.h
const closeOnExec = 0o2000000;

const pipe2 = systemCall('pipe2', ['void*', 'int']);

/** Both ends of a pipe, which the caller closes; whatever is executed has neither. */
export type Pipe = { readonly reading: number; readonly writing: number };

/** Opens a pipe. */
export function openPipe(): Pipe {
  const bytes = Buffer.alloc(8);
  pipe2(bytes, closeOnExec);
  const read = (offset: number) => {
    return endianness() === 'LE' ? bytes.readInt32LE(offset) : bytes.readInt32BE(offset);
  };
  return { reading: read(0), writing: read(4) };
}
