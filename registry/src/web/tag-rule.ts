import { findRule } from '@img/sign/trust-policy';
import { describeRule } from '@img/sign/trust-rule';
import type { RepositoryName } from '@img/spec/repository-name';
import { findAdmissionPolicy } from '../server/admission/admission-policy.ts';
import type { Services } from '../server/services.ts';
import { type Html, html } from './html.ts';

/** Who must have signed what the tags of a repository mean; nothing where there is no rule. */
export async function tagRule({ database }: Services, repository: RepositoryName): Promise<Html | undefined> {
  const found = await findAdmissionPolicy(database, repository);
  const rule = found && findRule(found.policy, repository);
  if (found === undefined || rule === undefined) return undefined;
  return html`<p>Tags must be signed by <strong>${describeRule(rule)}</strong>
<span class="quiet">by the rule of ${found.name}</span></p>`;
}
