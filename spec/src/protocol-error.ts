import { CodedError } from './coded-error.ts';

/** The error codes of distribution-spec, "Error Codes", with the status that each is usually answered with. */
export const protocolErrors = {
  BLOB_UNKNOWN: { status: 404, message: 'blob unknown to registry' },
  BLOB_UPLOAD_INVALID: { status: 400, message: 'blob upload invalid' },
  BLOB_UPLOAD_UNKNOWN: { status: 404, message: 'blob upload unknown to registry' },
  DIGEST_INVALID: { status: 400, message: 'provided digest did not match uploaded content' },
  MANIFEST_BLOB_UNKNOWN: {
    status: 404,
    message: 'manifest references a manifest or blob unknown to registry',
  },
  MANIFEST_INVALID: { status: 400, message: 'manifest invalid' },
  MANIFEST_UNKNOWN: { status: 404, message: 'manifest unknown to registry' },
  NAME_INVALID: { status: 400, message: 'invalid repository name' },
  NAME_UNKNOWN: { status: 404, message: 'repository name not known to registry' },
  SIZE_INVALID: { status: 400, message: 'provided length did not match content length' },
  UNAUTHORIZED: { status: 401, message: 'authentication required' },
  DENIED: { status: 403, message: 'requested access to the resource is denied' },
  UNSUPPORTED: { status: 405, message: 'the operation is unsupported' },
  TOOMANYREQUESTS: { status: 429, message: 'too many requests' },
} as const satisfies { readonly [code: string]: { readonly status: number; readonly message: string } };

export type ProtocolErrorCode = keyof typeof protocolErrors;

export type ProtocolErrorOptions = {
  /** Where the status depends on the request, for example 413 for MANIFEST_INVALID. */
  readonly status?: number;
  /** Machine-readable facts; goes into the answer as it is, so nothing secret. */
  readonly detail?: unknown;
  /** Additional headers of the answer, for example the Location of an upload session that goes on. */
  readonly headers?: { readonly [name: string]: string };
  readonly cause?: unknown;
};

/** A refusal in the registry protocol: thrown by the server's code, answered by one middleware, read by the client. */
export class ProtocolError extends CodedError<ProtocolErrorCode> {
  override readonly name = 'ProtocolError';
  readonly status: number;
  readonly detail: unknown;
  readonly headers: { readonly [name: string]: string };

  constructor(code: ProtocolErrorCode, message?: string, options: ProtocolErrorOptions = {}) {
    super(code, message ?? protocolErrors[code].message, { cause: options.cause });
    this.status = options.status ?? protocolErrors[code].status;
    this.detail = options.detail;
    this.headers = options.headers ?? {};
  }

  /** The body of the answer: `{"errors":[{code,message,detail}]}`. */
  body(): string {
    const { code, message, detail } = this;
    return JSON.stringify({ errors: [{ code, message, ...(detail === undefined ? {} : { detail }) }] });
  }
}

export function isProtocolErrorCode(text: string): text is ProtocolErrorCode {
  return Object.hasOwn(protocolErrors, text);
}
