import { constants } from 'node:fs';
import { lstat, open } from 'node:fs/promises';
import { join } from 'node:path';

/** The files of an image layout, wherever they are: in a folder or in a tar archive. */
export type LayoutFiles = AsyncDisposable & {
  /** How messages name it. */
  readonly name: string;
  /** Size of a regular file in bytes; undefined if there is none under that path. */
  size(path: string): Promise<number | undefined>;
  /** The file from an offset to its end. */
  read(path: string, offset: number): AsyncIterable<Uint8Array>;
};

const pieceBytes = 1024 * 1024;

/** The files of a folder; symbolic links are not files. */
export function folderFiles(folder: string): LayoutFiles {
  return {
    name: folder,
    async size(path) {
      const found = await lstat(join(folder, path)).catch(() => undefined);
      return found?.isFile() === true ? found.size : undefined;
    },
    async *read(path, offset) {
      const handle = await open(join(folder, path), constants.O_RDONLY | constants.O_NOFOLLOW);
      try {
        for (let position = offset; ; ) {
          const { bytesRead, buffer } = await handle.read(
            Buffer.allocUnsafe(pieceBytes),
            0,
            pieceBytes,
            position,
          );
          if (bytesRead === 0) return;
          position += bytesRead;
          yield buffer.subarray(0, bytesRead);
        }
      } finally {
        await handle.close();
      }
    },
    async [Symbol.asyncDispose]() {},
  };
}
