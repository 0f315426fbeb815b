import { type BlobKey, createBlobKey } from './blob-key.ts';
import { type BlobStore, emptyUpload, type UploadState } from './blob-store.ts';

/** Stores a whole blob and returns its key, a new one by default; if the content fails, nothing stays behind. */
export async function putBlob(
  store: BlobStore,
  content: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  key: BlobKey = createBlobKey(),
): Promise<BlobKey> {
  let state: UploadState = emptyUpload;
  try {
    const appender = await store.append(key, state);
    try {
      for await (const chunk of content) await appender.write(chunk);
      state = await appender.save();
    } finally {
      await appender.close();
    }
    await store.complete(key, state);
  } catch (error) {
    await store.discard([{ key, state }]);
    throw error;
  }
  return key;
}
