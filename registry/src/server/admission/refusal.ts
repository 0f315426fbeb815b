import type { RefusalCode, RefusedDecision } from '@img/sign/decision';
import { describeRule } from '@img/sign/trust-rule';
import { ProtocolError } from '@img/spec/protocol-error';
import type { AdmissionPolicy } from './admission-policy.ts';

/** The answer to who writes a tag that a rule does not admit. Other tools show no more than the message. */
export function refusedByRule({ name }: AdmissionPolicy, decision: RefusedDecision): ProtocolError {
  const { rule, code, message } = decision;
  const required = rule === undefined ? undefined : describeRule(rule);
  const unmet = required === undefined || message.includes(required) ? '' : `; required: ${required}`;
  return new ProtocolError(
    'DENIED',
    `the rule of ${name} refuses this tag: ${message}${unmet}. ${nextSteps[code] ?? sign}`,
    { detail: { code, rule: required ?? name } },
  );
}

const sign = 'Push the image by its digest, have it signed as this tag, then push the tag';

/** Where signing the image does not help. */
const nextSteps: { readonly [code in RefusalCode]?: string } = {
  DENIED: 'Push another image',
  ATTESTATION_MISSING: 'Push the image by its digest, attest what is missing, then push the tag',
  NOT_LOGGED: 'Have the signatures added to the log that it names, then push the tag',
  TOO_MANY_SIGNATURES: 'Remove signatures that nobody needs, then push the tag',
  ROOT_EXPIRED: 'Its owners set a newer version of the rule',
  RULE_CLOSED: 'Its owners say in the rule who may sign',
  NOT_YET_VALID: 'Compare the clocks of the signer and of the registry',
  ROLLBACK: 'Have the image signed anew as this tag, to go back to it',
  SEQUENCE_REUSED: 'Have the image signed anew as this tag',
};
