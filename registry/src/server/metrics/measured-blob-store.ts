import type { BlobStore } from '../../storage/blob-store.ts';
import type { Meter } from './meter.ts';

/** A blob store, with what it does measured. */
export function measuredBlobStore(blobs: BlobStore, meter: Meter): BlobStore {
  return {
    name: blobs.name,
    has: (key) => meter.storage('has', () => blobs.has(key)),
    get: (key, range) => meter.storage('get', () => blobs.get(key, range)),
    // A client's pace is none of the storage's.
    send: (key, sink, range) => blobs.send(key, sink, range),
    delete: (keys) => meter.storage('delete', () => blobs.delete(keys)),
    list: () => blobs.list(),
    locate: (key) => blobs.locate(key),
    append: async (key, state) => {
      const appender = await meter.storage('append', () => blobs.append(key, state));
      return {
        write: (chunk) => appender.write(chunk),
        save: () => meter.storage('save', () => appender.save()),
        close: () => appender.close(),
      };
    },
    complete: (key, state) => meter.storage('complete', () => blobs.complete(key, state)),
    discard: (unfinished) => meter.storage('discard', () => blobs.discard(unfinished)),
    listUploads: () => blobs.listUploads(),
    abandon: (upload) => meter.storage('abandon', () => blobs.abandon(upload)),
  };
}
