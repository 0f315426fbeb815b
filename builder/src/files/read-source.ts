import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { quote } from '@img/spec/quote';
import { BuilderError } from '../builder-error.ts';
import type { SourceEntry } from './walk-source.ts';

const pieceBytes = 1024 * 1024;

// Of these most apps have hundreds, and waiting for each call takes longer than the calls.
const smallBytes = 64 * 1024;

// Opening a pipe would wait for a writer.
const readFlags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

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
  if (sizeBytes <= smallBytes) return yield readSmall(location, sizeBytes);
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

/** A byte more than was listed shows that the file has grown. */
function readSmall(location: string, sizeBytes: number): Uint8Array {
  const file = openSmall(location);
  try {
    if (!fstatSync(file).isFile()) throw changed(location, undefined);
    const buffer = Buffer.allocUnsafe(sizeBytes + 1);
    let filled = 0;
    for (let read = -1; read !== 0 && filled < buffer.byteLength; filled += read) {
      read = readSync(file, buffer, filled, buffer.byteLength - filled, null);
    }
    return buffer.subarray(0, filled);
  } finally {
    closeSync(file);
  }
}

function openSmall(location: string): number {
  try {
    return openSync(location, readFlags);
  } catch (cause) {
    throw notOpened(location, cause);
  }
}

async function openSource(location: string): Promise<FileHandle> {
  try {
    return await open(location, readFlags);
  } catch (cause) {
    throw notOpened(location, cause);
  }
}

function notOpened(location: string, cause: unknown): BuilderError {
  const { code = '' } = cause as NodeJS.ErrnoException;
  return ['ENOENT', 'ELOOP', 'ENXIO'].includes(code) ? changed(location, cause) : unreadable(location, cause);
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
