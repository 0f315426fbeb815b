import { mergeTrustDocuments, type TrustPolicy } from '@img/sign/trust-policy';
import { readTrustFiles } from './trust-files.ts';

/**
 * Reads what this host trusts: all files of the folders as one policy.
 *
 * @param folders by ascending rank
 * @throws RuntimeError TRUST_POLICY_INVALID; SignError POLICY_CONFLICT, POLICY_INVALID
 */
export async function loadTrustPolicy(folders: readonly string[]): Promise<TrustPolicy> {
  return mergeTrustDocuments(await readTrustFiles(folders));
}
