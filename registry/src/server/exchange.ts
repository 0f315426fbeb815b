import { type Digest, parseDigest } from '@img/spec/digest';
import { ProtocolError } from '@img/spec/protocol-error';
import { quote } from '@img/spec/quote';
import type { RepositoryName } from '@img/spec/repository-name';
import { parseManifestReference } from '@img/spec/routes';
import type { SpecError } from '@img/spec/spec-error';
import type { Tag } from '@img/spec/tag';
import type { Context } from 'koa';
import type { Caller } from './auth/authenticator.ts';
import type { Services } from './services.ts';

/** One request that may be answered, and everything its handler needs. */
export type Exchange = {
  readonly ctx: Context;
  readonly services: Services;
  readonly query: URLSearchParams;
  readonly caller: Caller;
};

/** A request about a repository; the caller may do with it what the route needs. */
export type RepositoryExchange = Exchange & {
  readonly repository: RepositoryName;
  /** The last segment of the path, decoded: a digest, a reference or a session. */
  readonly parameter: string;
};

export type Handler<E extends Exchange> = (exchange: E) => Promise<void>;

/** @throws ProtocolError DIGEST_INVALID */
export function digestParameter(text: string): Digest {
  try {
    return parseDigest(text);
  } catch (cause) {
    throw new ProtocolError('DIGEST_INVALID', (cause as SpecError).message, { cause });
  }
}

/** @throws ProtocolError DIGEST_INVALID, MANIFEST_INVALID */
export function referenceParameter(text: string): { readonly digest: Digest } | { readonly tag: Tag } {
  const reference = parseManifestReference(text);
  if (reference !== undefined) return reference;
  if (text.includes(':')) return { digest: digestParameter(text) };
  throw new ProtocolError('MANIFEST_INVALID', `${quote(text)} is neither a tag nor a digest`);
}
