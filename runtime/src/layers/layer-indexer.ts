import type { Digest } from '@img/spec/digest';
import { TarReader } from '../tar/tar-reader.ts';
import { IndexWriter } from './index-writer.ts';
import { layerEntry } from './layer-entry.ts';

/** Makes the index of a layer from its uncompressed archive as it passes; pure, and the same for the same bytes. */
export class LayerIndexer {
  readonly #writer = new IndexWriter();
  readonly #reader = new TarReader((entry) => this.#writer.add(layerEntry(entry)));
  #tarBytes = 0;

  /** @throws RuntimeError ARCHIVE_*, ENTRY_* */
  push(piece: Uint8Array): void {
    this.#tarBytes += piece.length;
    this.#reader.push(piece);
  }

  /**
   * The index, once the archive has passed.
   *
   * @param diffId the digest of the archive, which the caller has checked
   * @throws RuntimeError ARCHIVE_TRUNCATED
   */
  finish(diffId: Digest): Uint8Array {
    this.#reader.end();
    return this.#writer.finish({ diffId, tarBytes: this.#tarBytes });
  }
}
