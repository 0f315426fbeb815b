import zlib from 'node:zlib';
import { RegistryError } from '../registry-error.ts';
import { through } from './through.ts';

/**
 * Decompresses every member of a gzip stream (RFC 1952 section 2.2). Node ignores zeros and what follows them
 * behind the last member; Go's reader, which most other tools use, refuses them, and so does this one.
 *
 * @throws RegistryError COMPRESSED_INVALID for bytes behind the last member; the errors of zlib
 */
export async function* gunzip(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const decoder = zlib.createGunzip({ chunkSize: 256 * 1024 });
  let offeredBytes = 0;
  async function* counted(): AsyncGenerator<Uint8Array> {
    for await (const chunk of source) {
      offeredBytes += chunk.byteLength;
      yield chunk;
    }
  }
  try {
    yield* through(counted(), decoder);
  } catch (error) {
    // The decoder closes itself when it meets zeros in a later chunk than the end of the last member.
    const isClosed = error instanceof Error && 'code' in error && error.code === 'ERR_STREAM_PREMATURE_CLOSE';
    if (!isClosed || decoder.bytesWritten === offeredBytes) throw error;
  }
  if (decoder.bytesWritten !== offeredBytes) {
    throw new RegistryError('COMPRESSED_INVALID', 'gzip stream has something behind its last member');
  }
}
