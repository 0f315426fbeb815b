import { writeFileAtomic } from '@img/registry/storage/write-file-atomic';
import {
  draftTrustRoot,
  encodeSignedTrustRoot,
  parseSignedTrustRoot,
  type SignedTrustRoot,
} from '@img/sign/signed-trust-root';
import type { TrustDocument } from '@img/sign/trust-document';
import { mergeTrustDocuments, type TrustPolicy } from '@img/sign/trust-policy';
import { checkTrustRoot, type TrustRoot } from '@img/sign/trust-root';
import { quote } from '@img/spec/quote';
import { CliError } from '../cli-error.ts';
import { readSmallFile } from '../read-small-file.ts';

/** The longest file that is read. */
export const maxRootBytes = 2 * 1024 * 1024;

/**
 * Reads the file of a trust root, signed or not.
 *
 * @throws CliError USAGE; SignError ROOT_INVALID, POLICY_INVALID, KEY_…
 */
export async function readRootFile(path: string): Promise<SignedTrustRoot> {
  const bytes = await readSmallFile(path, { maxBytes: maxRootBytes });
  if (bytes !== undefined) return parseSignedTrustRoot(bytes);
  throw new CliError('USAGE', `there is no file ${quote(path)}`, {
    hint: 'img trust init makes a trust root; or get one from its publisher',
  });
}

/**
 * Changes the trust root in a file. What somebody has signed is never changed: the changed root is a draft of the next
 * version, without signatures.
 *
 * @returns the draft
 * @throws as {@link readRootFile}; SignError POLICY_CONFLICT and what the change throws
 */
export async function changeRootFile(
  path: string,
  change: (root: TrustRoot) => TrustRoot,
): Promise<SignedTrustRoot> {
  const { root, signatures } = await readRootFile(path);
  const version = signatures.length === 0 ? root.version : root.version + 1;
  const draft = draftTrustRoot(checkTrustRoot({ ...change(root), version }));
  policyOf(path, draft);
  await writeRootFile(path, draft);
  return draft;
}

/** Changes what the trust root in a file says of identities and rules. @returns the policy of the draft alone */
export async function changeRootDocument(
  path: string,
  change: (document: TrustDocument) => TrustDocument,
): Promise<TrustPolicy> {
  const draft = await changeRootFile(path, (root) => ({ ...root, document: change(root.document) }));
  return policyOf(path, draft);
}

export async function writeRootFile(path: string, signed: SignedTrustRoot): Promise<void> {
  await writeFileAtomic(path, encodeSignedTrustRoot(signed), { mode: 0o644 });
}

function policyOf(path: string, { root }: SignedTrustRoot): TrustPolicy {
  return mergeTrustDocuments([{ source: path, document: root.document, root }]);
}
