import type { Digest } from '@img/spec/digest';
import { quote } from '@img/spec/quote';
import { parseWrittenReference } from '@img/spec/reference';
import type { RegistryHost } from '@img/spec/registry-host';
import type { RepositoryName } from '@img/spec/repository-name';
import type { Tag } from '@img/spec/tag';
import type { Annotations } from './annotation.ts';
import { refusingAs } from './document.ts';
import { SignError } from './sign-error.ts';
import type { UnixTime } from './unix-time.ts';

/**
 * What a signature says: in this repository, this tag means this digest, as the n-th such statement, from one
 * time until another. Signatures of other tools leave parts out; what a statement doesn't say it doesn't prove.
 */
export type Statement = {
  /** Where the signer stored the image. Advisory: mirrors carry the same statement, so it is never compared. */
  readonly registry: RegistryHost | undefined;
  readonly repository: RepositoryName | undefined;
  readonly tag: Tag | undefined;
  readonly digest: Digest;
  /** Orders the statements about one tag, from 1; a tag never goes back to a lower one. */
  readonly sequence: number | undefined;
  readonly issued: UnixTime | undefined;
  /** The first second at which the statement no longer holds; undefined if it holds for ever. */
  readonly expires: UnixTime | undefined;
  readonly annotations?: Annotations | undefined;
};

/** What a signer states about every manifest of an image; the digests come from the manifests. */
export type Claim = {
  readonly registry: RegistryHost;
  readonly repository: RepositoryName;
  readonly tag: Tag | undefined;
  /** From `nextSequence`; undefined exactly if the tag is. */
  readonly sequence: number | undefined;
  readonly issued: UnixTime;
  readonly expires: UnixTime | undefined;
  readonly annotations?: Annotations | undefined;
};

/**
 * Checks the parts of a statement against each other.
 *
 * @throws SignError STATEMENT_INVALID
 */
export function checkStatement<T extends Omit<Statement, 'digest'>>(statement: T): T {
  const { repository, tag, sequence, issued, expires } = statement;
  if (tag !== undefined && repository === undefined) {
    throw new SignError('STATEMENT_INVALID', `statement about tag ${quote(tag)} names no repository`);
  }
  if (sequence !== undefined && (tag === undefined || !Number.isSafeInteger(sequence) || sequence < 1)) {
    throw new SignError(
      'STATEMENT_INVALID',
      `sequence ${quote(sequence)} should be a number from 1 on, in a statement about a tag`,
    );
  }
  if (issued !== undefined && expires !== undefined && expires <= issued) {
    throw new SignError('STATEMENT_INVALID', 'statement expires before it is issued');
  }
  return statement;
}

/** The name that other tools compare: `host/name:tag`, without the tag if there is none. */
export function formatIdentity({ registry, repository, tag }: Claim): string {
  return `${registry}/${repository}${tag === undefined ? '' : `:${tag}`}`;
}

/**
 * Reads the name that a signature gives its image. It must begin with a registry, as every tool writes it:
 * without one, `com.example/app` could be a repository or a registry and a repository.
 *
 * @param digest what is signed; the name may end in it, but not in another one
 * @throws SignError STATEMENT_INVALID
 */
export function parseIdentity(
  text: string,
  digest: Digest,
): { readonly registry: RegistryHost; readonly repository: RepositoryName; readonly tag: Tag | undefined } {
  const name = refusingAs('STATEMENT_INVALID', () => parseWrittenReference(text, new Map()));
  if (name.registry === undefined) {
    throw new SignError('STATEMENT_INVALID', `image name ${quote(text)} should begin with a registry`);
  }
  if (name.digest !== undefined && name.digest !== digest) {
    throw new SignError(
      'STATEMENT_INVALID',
      `image name ${quote(text)} has another digest than the ${digest} that is signed`,
    );
  }
  return { registry: name.registry, repository: name.repository, tag: name.tag };
}
