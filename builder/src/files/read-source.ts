import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { quote } from '@img/spec/quote';
import { BuilderError } from '../builder-error.ts';
import type { SourceEntry } from './walk-source.ts';

const pieceBytes = 1024 * 1024;

/**
 * The content of a file as it was listed. A link or another kind of file that has taken its place meanwhile is
 * not followed.
 *
 * @throws BuilderError SOURCE_CHANGED, SOURCE_UNREADABLE
 */
export async function* readSource({
  location,
  sizeBytes,
}: SourceEntry): AsyncGenerator<Uint8Array, void, undefined> {
  const file = await openSource(location);
  try {
    if (!(await file.stat()).isFile()) throw changed(location, undefined);
    for (;;) {
      const buffer = Buffer.allocUnsafe(Math.min(pieceBytes, sizeBytes + 1));
      const { bytesRead } = await file.read(buffer, 0, buffer.byteLength, null);
      if (bytesRead === 0) return;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}

async function openSource(location: string): Promise<FileHandle> {
  try {
    // Opening a pipe would wait for a writer.
    return await open(location, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (cause) {
    const { code = '' } = cause as NodeJS.ErrnoException;
    throw ['ENOENT', 'ELOOP', 'ENXIO'].includes(code)
      ? changed(location, cause)
      : unreadable(location, cause);
  }
}

/** The error for a source that the system doesn't let us read. */
export function unreadable(location: string, cause: unknown): BuilderError {
  return new BuilderError('SOURCE_UNREADABLE', `can't read ${quote(location)}: ${(cause as Error).message}`, {
    cause,
    hint: 'give yourself permission to read it, or name it in .imgignore to leave it out',
  });
}

function changed(location: string, cause: unknown): BuilderError {
  return new BuilderError('SOURCE_CHANGED', `${quote(location)} changed while the image was built`, {
    cause,
    hint: 'build again when nothing writes to it',
  });
}
