import type { ProgressListener } from '@img/spec/progress';
import { BuilderError } from '../builder-error.ts';
import { shownUrl } from './http.ts';
import type { Mirror } from './mirrors.ts';

export type MirrorOptions = {
  /** Hears why a mirror was passed over. */
  readonly onProgress?: ProgressListener | undefined;
  readonly signal?: AbortSignal | undefined;
  /** The error to end with when no mirror will do; is given what each was refused for. */
  readonly refusal: (failures: readonly BuilderError[]) => BuilderError;
};

/**
 * Tries mirrors one after the other until one will do.
 *
 * @throws what `refusal` makes of the failures, the signal's reason, or what isn't a BuilderError
 */
export async function tryMirrors<Result>(
  mirrors: readonly Mirror[],
  attempt: (mirror: Mirror) => Promise<Result>,
  { onProgress, signal, refusal }: MirrorOptions,
): Promise<Result> {
  const failures: BuilderError[] = [];
  for (const [index, mirror] of mirrors.entries()) {
    try {
      return await attempt(mirror);
    } catch (error) {
      // What ended the other downloads is no fault of this mirror.
      signal?.throwIfAborted();
      if (!(error instanceof BuilderError)) throw error;
      failures.push(error);
      const next = mirrors[index + 1];
      if (next !== undefined) {
        onProgress?.({ kind: 'note', text: `${error.message}; trying ${shownUrl(next.root)}` });
      }
    }
  }
  throw refusal(failures);
}
