import { ProtocolError } from '@img/spec/protocol-error';
import type { RegistryHost } from '@img/spec/registry-host';
import { SpecError } from '@img/spec/spec-error';
import { RegistryError, type RegistryErrorCode } from '../../registry-error.ts';
import { UpstreamError } from './upstream-error.ts';

/** Failures of the whole registry rather than about one image: the next question would fail, too. */
const general: ReadonlySet<RegistryErrorCode> = new Set([
  'REGISTRY_FAILED',
  'REGISTRY_UNREACHABLE',
  'TOO_MANY_REQUESTS',
]);

/** Whether it is the upstream's doing, so that what is here is good enough. */
export function isUpstreamFailure(error: unknown): boolean {
  return error instanceof RegistryError || error instanceof SpecError || isTimeout(error);
}

/** Whether the upstream should be left alone for a while. */
export function isGeneralFailure(error: unknown): boolean {
  return isTimeout(error) || (error instanceof RegistryError && general.has(error.code));
}

/** What a client is told where nothing is here; other errors stay as they are. */
export function refusalFor(registry: RegistryHost, error: unknown, retryMs: number): unknown {
  const headers = { 'Retry-After': String(Math.ceil(retryMs / 1000)) };
  if (isTimeout(error)) {
    return new UpstreamError('UPSTREAM_SILENT', `${registry} did not answer in time`, { cause: error });
  }
  if (!(error instanceof RegistryError || error instanceof SpecError)) return error;
  const { code } = error;
  if (code === 'TOO_MANY_REQUESTS') {
    return new ProtocolError('TOOMANYREQUESTS', `${registry} answers this registry no more for now`, {
      headers,
      cause: error,
    });
  }
  if (code === 'ACCESS_DENIED' || code === 'LOGIN_FAILED' || code === 'TOKEN_REFUSED') {
    return new ProtocolError(
      'DENIED',
      `${registry} doesn't let this registry pull that, or has no such repository`,
      { cause: error },
    );
  }
  return new UpstreamError('UPSTREAM_FAILED', `${registry} could not be asked`, { cause: error });
}

function isTimeout(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'TimeoutError';
}
