import { CodedError } from '@img/spec/coded-error';

export type UpstreamErrorCode =
  /** It answers with what is no use, or not at all. */
  | 'UPSTREAM_FAILED'
  /** It didn't answer in time. */
  | 'UPSTREAM_SILENT';

/** A registry that this one copies could not be asked for what isn't here yet. */
export class UpstreamError extends CodedError<UpstreamErrorCode> {
  override readonly name = 'UpstreamError';
}
