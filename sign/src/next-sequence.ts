import type { Digest } from '@img/spec/digest';
import type { RepositoryName } from '@img/spec/repository-name';
import type { Tag } from '@img/spec/tag';
import { SignError } from './sign-error.ts';
import type { Statement } from './statement.ts';

/**
 * The sequence for a new statement that a tag means a digest. A further signer of the tag's newest digest joins
 * its sequence, so that k signatures state one thing; another digest, also an older one again, comes after
 * everything known.
 *
 * @param known statements by keys that the signer trusts; others could drive the number up
 * @throws SignError STATEMENT_INVALID if there is no higher number
 */
export function nextSequence(
  known: readonly Statement[],
  claim: { readonly repository: RepositoryName; readonly tag: Tag; readonly digest: Digest },
): number {
  let highest = 0;
  let highestOfDigest = 0;
  for (const { repository, tag, digest, sequence = 0 } of known) {
    if (repository !== claim.repository || tag !== claim.tag) continue;
    highest = Math.max(highest, sequence);
    if (digest === claim.digest) highestOfDigest = Math.max(highestOfDigest, sequence);
  }
  if (highest > 0 && highestOfDigest === highest) return highest;
  if (highest >= Number.MAX_SAFE_INTEGER) {
    throw new SignError('STATEMENT_INVALID', `sequence ${highest} of tag ${claim.tag} is the last one`, {
      hint: 'sign under another tag',
    });
  }
  return highest + 1;
}
