/**
 * Joins the chunks of a stream to pieces of at least the given size, the last one excepted. Chunks that are as
 * large already pass without a copy; a piece that was passed on is never written to again.
 */
export async function* inPieces(
  source: AsyncIterable<Uint8Array>,
  pieceBytes: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  let waiting: Uint8Array[] = [];
  let waitingBytes = 0;
  for await (const chunk of source) {
    waiting.push(chunk);
    waitingBytes += chunk.byteLength;
    if (waitingBytes < pieceBytes) continue;
    yield waiting.length === 1 ? chunk : Buffer.concat(waiting, waitingBytes);
    waiting = [];
    waitingBytes = 0;
  }
  if (waitingBytes > 0) yield Buffer.concat(waiting, waitingBytes);
}
