import { quote } from '@img/spec/quote';
import { BuilderError } from '../builder-error.ts';
import { blockBytes, encodeTarHeader, endOfArchive, padding } from './encode-header.ts';
import type { TarEntry } from './tar-entry.ts';

/** An entry with its content; only files have one. Each call of `content` reads it from the beginning. */
export type TarItem = {
  readonly entry: TarEntry;
  readonly content?: () => Iterable<Uint8Array> | AsyncIterable<Uint8Array>;
};

/**
 * A tar archive as it is written: header, content and padding of each item in the order given, then the end.
 * Holds no more than one chunk in memory.
 *
 * @throws BuilderError TAR_INVALID for a header that tar can't express, SOURCE_CHANGED for a content that is
 *   not as long as its header says
 */
export async function* encodeTar(
  items: Iterable<TarItem> | AsyncIterable<TarItem>,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const { entry, content } of items) {
    yield encodeTarHeader(entry);
    if (content === undefined && entry.sizeBytes === 0) continue;
    let sizeBytes = 0;
    for await (const chunk of content?.() ?? []) {
      sizeBytes += chunk.byteLength;
      if (sizeBytes > entry.sizeBytes) break;
      yield chunk;
    }
    if (sizeBytes !== entry.sizeBytes) {
      const found = sizeBytes > entry.sizeBytes ? 'more' : String(sizeBytes);
      throw new BuilderError(
        'SOURCE_CHANGED',
        `content of ${quote(entry.path)} has ${found} bytes instead of the ${entry.sizeBytes} announced`,
        { hint: 'the file changed while it was read; build again when nothing writes to it' },
      );
    }
    if (sizeBytes % blockBytes !== 0) yield padding(sizeBytes);
  }
  yield endOfArchive();
}
