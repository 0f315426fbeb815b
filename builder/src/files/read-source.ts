import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { quote } from '@img/spec/quote';
import { BuilderError } from '../builder-error.ts';
import type { SourceEntry } from './walk-source.ts';

const pieceBytes = 1024 * 1024;

/**
 * The content of a file as it was listed. A link or another kind of file that has taken its place meanwhile is
 * not followed.
 *
 * @throws BuilderError SOURCE_CHANGED, SOURCE_MISSING
 */
export async function* readSource({
  location,
  sizeBytes,
}: SourceEntry): AsyncGenerator<Uint8Array, void, undefined> {
  let file: Awaited<ReturnType<typeof open>>;
  try {
    // Opening a pipe would wait for a writer.
    file = await open(location, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (cause) {
    const isChanged = ['ENOENT', 'ELOOP', 'ENXIO'].includes((cause as NodeJS.ErrnoException).code ?? '');
    throw isChanged
      ? changed(location, cause)
      : new BuilderError('SOURCE_MISSING', `${quote(location)} can't be read: ${(cause as Error).message}`, {
          cause,
        });
  }
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

function changed(location: string, cause: unknown): BuilderError {
  return new BuilderError('SOURCE_CHANGED', `${quote(location)} changed while the image was built`, {
    cause,
    hint: 'Build again when nothing writes to it.',
  });
}
