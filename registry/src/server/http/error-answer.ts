import { ProtocolError } from '@img/spec/protocol-error';
import { MetadataError } from '../../metadata/metadata-error.ts';
import { BlobStoreError } from '../../storage/blob-store-error.ts';
import { UpstreamError } from '../cache/upstream-error.ts';

/** What a client is told when a request fails. */
export type ErrorAnswer = {
  readonly status: number;
  readonly headers: { readonly [name: string]: string };
  readonly body: string;
};

/** When to try again while the database or the object storage is away. */
const awaySeconds = 2;

/** SQLite's code for a full disk. */
const sqliteFull = 13;

/**
 * Turns anything that a handler throws into an answer. Only what was thrown for the client is shown to it; the rest
 * is in the log under the request's number.
 */
export function errorAnswer(error: unknown, requestId: string): ErrorAnswer {
  const known = protocolErrorOf(error);
  if (known !== undefined) return { status: known.status, headers: known.headers, body: known.body() };
  const { status, message, headers = {} } = failureOf(error);
  const errors = [{ code: 'UNKNOWN', message: `${message}; its log says more about request ${requestId}` }];
  return { status, headers, body: JSON.stringify({ errors }) };
}

function failureOf(error: unknown): {
  readonly status: number;
  readonly message: string;
  readonly headers?: { readonly [name: string]: string };
} {
  if (isDiskFull(error)) return { status: 507, message: 'the registry has no space left' };
  if (error instanceof UpstreamError) {
    return { status: error.code === 'UPSTREAM_SILENT' ? 504 : 502, message: error.message };
  }
  const code = error instanceof MetadataError || error instanceof BlobStoreError ? error.code : undefined;
  if (code === 'DATABASE_UNREACHABLE' || code === 'STORE_UNREACHABLE') {
    const headers = { 'Retry-After': String(awaySeconds) };
    return { status: 503, message: 'a part of the registry does not answer', headers };
  }
  return { status: 500, message: 'the registry failed' };
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
  if (error instanceof MetadataError && error.code === 'TEXT_INVALID') {
    return new ProtocolError('UNSUPPORTED', error.message, { status: 400, cause: error });
  }
  return undefined;
}

/** Whether there was no space left for what was to be stored. */
export function isDiskFull(error: unknown): boolean {
  const { code, errcode } = (error ?? {}) as { readonly code?: unknown; readonly errcode?: unknown };
  return code === 'ENOSPC' || code === 'EDQUOT' || errcode === sqliteFull;
}
