import { parseJson } from '@img/spec/json';
import { JsonFields } from '@img/spec/json-fields';
import { refusingAs } from './document.ts';
import { SignError } from './sign-error.ts';
import {
  isSignedTrustRoot,
  parseSignedTrustRoot,
  rootSigners,
  type SignedTrustRoot,
} from './signed-trust-root.ts';
import { parseTrustDocument } from './trust-document.ts';
import type { SourcedTrustDocument } from './trust-policy.ts';

/** A file of a host's trust: a document of its own people, or the trust root of a publisher, which they pinned. */
export type TrustFile = SourcedTrustDocument & { readonly signedRoot?: SignedTrustRoot };

const maxBytes = 2 * 1024 * 1024;

/**
 * Reads a file that says whom a host trusts. The signatures of a trust root must be those that it requires, so that
 * one that was changed on the host is noticed.
 *
 * @param path how messages name it
 * @throws SignError POLICY_INVALID, ROOT_INVALID, KEY_INVALID, KEY_UNSUPPORTED, KEY_WEAK
 */
export function parseTrustFile(path: string, bytes: Uint8Array): TrustFile {
  const value = refusingAs('POLICY_INVALID', () => parseJson(bytes, { maxBytes }), 'trust document: ');
  const fields = refusingAs('POLICY_INVALID', () => new JsonFields(value, 'trust document', 'JSON_INVALID'));
  if (!isSignedTrustRoot(fields)) return { source: path, document: parseTrustDocument(bytes) };
  const signedRoot = parseSignedTrustRoot(bytes);
  const { root } = signedRoot;
  const signers = rootSigners(signedRoot, root.keys).length;
  if (signers < root.require) {
    throw new SignError(
      'ROOT_INVALID',
      `trust root ${root.name} is signed by ${signers} of the ${root.require} that it requires`,
      { hint: 'its owners sign it with img trust sign; or get it again from its publisher' },
    );
  }
  const source = `${path} (version ${root.version} of the trust root ${root.name})`;
  return { source, document: root.document, root, signedRoot };
}
