import { type FileHandle, open } from 'node:fs/promises';
import { quote } from '@img/spec/quote';
import { CliError } from './cli-error.ts';

export type SmallFileOptions = {
  readonly maxBytes: number;
  /** Refuses a file before anything of it is read. */
  readonly check?: (handle: FileHandle) => Promise<void>;
};

/**
 * Reads a file whole; undefined if there is none. Also reads pipes such as `/dev/stdin`, so that a size is never
 * believed.
 *
 * @throws CliError USAGE if it is longer than the limit
 */
export async function readSmallFile(
  path: string,
  { maxBytes, check }: SmallFileOptions,
): Promise<Uint8Array | undefined> {
  let handle: FileHandle;
  try {
    handle = await open(path, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    await check?.(handle);
    const chunks: Uint8Array[] = [];
    let size = 0;
    for await (const chunk of handle.createReadStream({ autoClose: false }) as AsyncIterable<Uint8Array>) {
      size += chunk.byteLength;
      if (size > maxBytes) {
        throw new CliError('USAGE', `file ${quote(path)} is longer than the ${maxBytes} bytes allowed`);
      }
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  } finally {
    await handle.close();
  }
}
