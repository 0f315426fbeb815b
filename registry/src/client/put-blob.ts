import { verified } from '@img/spec/verified';
import type { BlobRequest, ContentOptions, OpenBlob } from '../transfer/content.ts';
import type { RemoteRepository } from './remote-repository.ts';
import { failuresAfter, pauseBeforeRetry, TransientFailure } from './retry.ts';
import { finishUpload, startUpload, type Upload, uploadStatus } from './upload-session.ts';

/**
 * Stores a blob: taken over from a repository of the same registry where that is possible, else sent in one
 * request, and if that breaks, from where the registry says that it stopped.
 *
 * The bytes are checked on their way out, except for a rest that is sent later: then the registry's own check
 * of the whole decides.
 *
 * @throws RegistryError DIGEST_MISMATCH if the registry finds another digest, and what requests throw;
 *   SpecError CONTENT_*, and what the content throws
 */
export async function putBlob(
  remote: RemoteRepository,
  { descriptor, origin }: BlobRequest,
  open: OpenBlob,
  { signal }: ContentOptions = {},
): Promise<void> {
  const { digest, size } = descriptor;
  const upload: Upload = { remote, what: `put blob ${digest} into ${remote.name}`, digest, signal };
  const { retry } = remote.connection;
  const options = signal === undefined ? {} : { signal };
  const bodyFrom = (offset: number) => ({
    sizeBytes: size - offset,
    open: () => {
      if (offset === 0) return verified(open(0, options), descriptor);
      return offset === size ? nothing() : open(offset, options);
    },
  });
  let location = await startUpload(upload, origin);
  let offset = 0;
  let failures = 0;
  while (location !== undefined) {
    try {
      await finishUpload(upload, location, offset, bodyFrom(offset));
      return;
    } catch (error) {
      if (!(error instanceof TransientFailure)) throw error;
      const status = await uploadStatus(upload, location);
      const reached = status === undefined || status.offset > size ? 0 : status.offset;
      failures = failuresAfter(failures, reached - offset);
      if (failures >= retry.attempts) throw error.error;
      await pauseBeforeRetry(retry, failures, error, signal);
      offset = reached;
      // An upload that broke before anything arrived, or that is gone, is begun anew.
      location = offset > 0 ? status?.location : await startUpload(upload, origin);
    }
  }
}

async function* nothing(): AsyncGenerator<Uint8Array> {}
