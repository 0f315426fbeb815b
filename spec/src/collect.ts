import { SpecError } from './spec-error.ts';

/**
 * Reads a small stream into memory.
 *
 * @param maxBytes where reading stops; the source is then ended
 * @param what how a message names the content, for example `manifest`
 * @throws SpecError CONTENT_SIZE when there is more than maxBytes
 */
export async function collect(
  source: AsyncIterable<Uint8Array>,
  maxBytes: number,
  what: string,
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of source) {
    size += chunk.byteLength;
    if (size > maxBytes)
      throw new SpecError('CONTENT_SIZE', `${what} is longer than the ${maxBytes} bytes allowed`);
    chunks.push(chunk);
  }
  const [only] = chunks;
  if (chunks.length === 1 && only !== undefined) return only;
  const bytes = new Uint8Array(size);
  let offset = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, offset);
    offset += chunk.byteLength;
  }
  return bytes;
}
