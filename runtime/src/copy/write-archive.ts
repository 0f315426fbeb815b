import type { ByteString } from '../tar/byte-string.ts';
import type { CopyItem } from './copy-item.ts';
import { encodeHeader, endOfArchive, paddingOf } from './encode-header.ts';

/**
 * A tar archive of items, as it is written.
 *
 * @param top the name that the item with the empty path has there; empty for a folder whose content alone is archived
 */
export async function* writeArchive(
  items: AsyncIterable<CopyItem>,
  top: ByteString,
): AsyncGenerator<Uint8Array> {
  for await (const item of items) {
    const path = [top, item.path].filter((part) => part !== '').join('/');
    yield encodeHeader(item, (path === '' ? '.' : path) as ByteString);
    for await (const piece of item.content()) yield piece;
    if (item.sizeBytes > 0) yield paddingOf(item.sizeBytes);
  }
  yield endOfArchive();
}
