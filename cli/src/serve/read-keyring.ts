import { resolve } from 'node:path';
import { loadTrustPolicy } from '@img/runtime/trust/load-trust-policy';
import type { TrustPolicy } from '@img/sign/trust-policy';
import { quote } from '@img/spec/quote';
import { CliError } from '../cli-error.ts';
import type { Environment } from '../environment.ts';

/**
 * The trust documents of a folder, for the pages of a registry to show who signed what.
 *
 * @throws CliError USAGE if it has none; RuntimeError TRUST_POLICY_INVALID; SignError POLICY_CONFLICT, POLICY_INVALID
 */
export async function readKeyring({ workingFolder }: Environment, folder: string): Promise<TrustPolicy> {
  const policy = await loadTrustPolicy([resolve(workingFolder, folder)]);
  if (policy.rules.size > 0) return policy;
  throw new CliError('USAGE', `keyring ${quote(folder)} has no rule that says who may sign`, {
    hint: 'make one with IMG_TRUST=FOLDER img trust add KEY --prefix PREFIX',
  });
}
