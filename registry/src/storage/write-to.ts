import type { Writable } from 'node:stream';

/**
 * Writes one chunk and resolves when the sink is done with it, so that its memory may be used again.
 *
 * @throws Error when the sink fails or closes
 */
export async function writeTo(sink: Writable, chunk: Uint8Array): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  // Not every sink calls back for what it drops when it is destroyed.
  const closed = () => reject(new Error('the sink was closed'));
  sink.once('close', closed);
  sink.write(chunk, (error) => (error ? reject(error) : resolve()));
  if (sink.destroyed) closed();
  try {
    await promise;
  } finally {
    sink.off('close', closed);
  }
}
