import { join } from 'node:path';
import type { Trust } from '@img/runtime/trust/decide';
import { loadTrustPolicy } from '@img/runtime/trust/load-trust-policy';
import { SequenceMemory } from '@img/runtime/trust/sequence-memory';
import type { Config } from '../config/config.ts';

/**
 * What this host trusts, and what it has seen.
 *
 * @throws RuntimeError TRUST_POLICY_INVALID; SignError POLICY_CONFLICT, POLICY_INVALID
 */
export async function openTrust({ trustFolders, rootFolder }: Config): Promise<Trust> {
  return {
    policy: await loadTrustPolicy(trustFolders),
    memory: new SequenceMemory(join(rootFolder, 'trust')),
  };
}
