import { ProtocolError } from '@img/spec/protocol-error';
import { MetadataError } from '../../metadata/metadata-error.ts';
import { BlobStoreError } from '../../storage/blob-store-error.ts';

/** What a client is told when a request fails. */
export type ErrorAnswer = {
  readonly status: number;
  readonly headers: { readonly [name: string]: string };
  readonly body: string;
};

/** SQLite's code for a full disk. */
const sqliteFull = 13;

/**
 * Turns anything that a handler throws into an answer. Only what was thrown for the client is shown to it; the rest
 * is in the log under the request's number.
 */
export function errorAnswer(error: unknown, requestId: string): ErrorAnswer {
  const known = protocolErrorOf(error);
  if (known !== undefined) return { status: known.status, headers: known.headers, body: known.body() };
  const [status, message] = isDiskFull(error)
    ? [507, 'the registry has no space left']
    : [500, 'the registry failed'];
  const errors = [{ code: 'UNKNOWN', message: `${message}; its log says more about request ${requestId}` }];
  return { status, headers: {}, body: JSON.stringify({ errors }) };
}

function protocolErrorOf(error: unknown): ProtocolError | undefined {
  if (error instanceof ProtocolError) return error;
  if (error instanceof BlobStoreError && error.code === 'UPLOAD_MISSING') {
    return new ProtocolError('BLOB_UPLOAD_UNKNOWN', 'what was uploaded is lost, begin again', {
      cause: error,
    });
  }
  if (error instanceof MetadataError && error.code === 'UPLOAD_TAKEN') {
    return new ProtocolError('BLOB_UPLOAD_UNKNOWN', error.message, { cause: error });
  }
  return undefined;
}

function isDiskFull(error: unknown): boolean {
  const { code, errcode } = (error ?? {}) as { readonly code?: unknown; readonly errcode?: unknown };
  return code === 'ENOSPC' || code === 'EDQUOT' || errcode === sqliteFull;
}
