import { SpecError } from './spec-error.ts';

/**
 * Reads a small stream into memory. The bytes are a copy, so a source may reuse its buffer, and memory follows
 * what arrived, however small the pieces are.
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
  let bytes = new Uint8Array(Math.min(maxBytes, 16 * 1024));
  let size = 0;
  for await (const chunk of source) {
    const needed = size + chunk.byteLength;
    if (needed > maxBytes) {
      throw new SpecError('CONTENT_SIZE', `${what} is longer than the ${maxBytes} bytes allowed`);
    }
    if (needed > bytes.byteLength) bytes = grown(bytes, Math.min(Math.max(needed, 2 * size), maxBytes));
    bytes.set(chunk, size);
    size = needed;
  }
  return bytes.byteLength === size ? bytes : bytes.slice(0, size);
}

function grown(bytes: Uint8Array, length: number): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(length);
  larger.set(bytes);
  return larger;
}
