import type { NamePrefix } from '@img/spec/name-prefix';
import { isSameLog, type KnownLog } from './log/known-log.ts';
import { SignError } from './sign-error.ts';
import type { TrustDocument } from './trust-document.ts';
import type { RetiredKey } from './trust-log.ts';

/**
 * Lets nothing count for a prefix that is not in a log; adds the log where the document doesn't have it, or has it with
 * another key or other witnesses.
 *
 * @throws SignError POLICY_INVALID if no rule decides about the prefix itself
 */
export function requireLog(document: TrustDocument, log: KnownLog, prefix: NamePrefix): TrustDocument {
  return { ...withLog(document, log), rules: rulesWith(document, prefix, log.key.name) };
}

/**
 * Lets statements count again for a prefix that are in no log.
 *
 * @throws SignError POLICY_INVALID if they do already
 */
export function requireNoLog(document: TrustDocument, prefix: NamePrefix): TrustDocument {
  const rule = document.rules.find((each) => each.prefix === prefix);
  if (rule?.log === undefined) {
    throw new SignError('POLICY_INVALID', `there is no rule for ${prefix} that requires a log`);
  }
  return { ...document, rules: rulesWith(document, prefix, undefined) };
}

/** Makes a log known, or gives it another key or other witnesses. */
export function withLog(document: TrustDocument, log: KnownLog): TrustDocument {
  const { logs = [] } = document;
  const known = logs.find(({ key }) => key.name === log.key.name);
  if (known !== undefined && isSameLog(known, log)) return document;
  return { ...document, logs: [...logs.filter((each) => each !== known), log] };
}

/**
 * Lets signatures by a key count only if a log had them before an entry.
 *
 * @throws SignError POLICY_INVALID if the key is retired already: an earlier entry than before is meant by taking that
 *   back first
 */
export function retireKey(document: TrustDocument, retired: RetiredKey): TrustDocument {
  const { retired: before = [] } = document;
  if (before.some(({ key }) => key === retired.key)) {
    throw new SignError('POLICY_INVALID', `key ${retired.key} is retired already`, {
      hint: 'take that back first: img trust revoke --undo',
    });
  }
  return { ...document, retired: [...before, retired] };
}

function rulesWith({ rules }: TrustDocument, prefix: NamePrefix, log: string | undefined) {
  const at = rules.findIndex((rule) => rule.prefix === prefix);
  const { log: _, ...rule } = rules[at] ?? {};
  if (!('require' in rule)) {
    throw new SignError('POLICY_INVALID', `there is no rule for ${prefix}`, {
      hint: 'say first who may sign: img trust add',
    });
  }
  return rules.with(at, { ...rule, ...(log !== undefined && { log }) } as (typeof rules)[number]);
}
