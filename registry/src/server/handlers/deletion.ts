import type { Digest } from '@img/spec/digest';
import { ProtocolError } from '@img/spec/protocol-error';
import type { Context } from 'koa';
import type { Deletion } from '../../metadata/delete-blob.ts';
import { answerEmpty } from '../http/answer.ts';

/** Answers a deletion; what others need stays, with 405 as where deletion is disabled. */
export function answerDeletion(
  ctx: Context,
  deletion: Deletion,
  unknown: 'BLOB_UNKNOWN' | 'MANIFEST_UNKNOWN',
  digest: Digest,
): void {
  if (deletion.kind === 'unknown') throw new ProtocolError(unknown, undefined, { detail: { digest } });
  if (deletion.kind === 'protected') {
    const [first] = deletion.by;
    throw new ProtocolError('UNSUPPORTED', `${digest} is needed by ${first}; delete that first`, {
      detail: { digest, neededBy: deletion.by },
    });
  }
  answerEmpty(ctx, 202);
}
