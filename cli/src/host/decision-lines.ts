import type { Decision } from '@img/sign/decision';
import { describeRule } from '@img/sign/trust-rule';
import { formatUnixTime } from '@img/sign/unix-time';
import { formatAge } from '../output/measure.ts';
import { bold, dim, green, type Line, red } from '../output/text.ts';

/** What people are told about a decision: who signed, which rule decided, how long it holds. */
export function decisionLines(decision: Decision, name: string, now: Date): readonly Line[] {
  const names = decision.signers.map(({ identity }) => identity.name).join(', ');
  const rule = decision.rule === undefined ? 'no rule' : describeRule(decision.rule);
  if (!decision.trusted) return [red(decision.message)];
  const facts = [
    ...(decision.sequence === undefined ? [] : [`#${decision.sequence}`]),
    ...(decision.expires === undefined
      ? []
      : [`expires ${formatAge(new Date(decision.expires * 1000), now)}`]),
  ];
  return [[green('Signed By: '), bold(names), ` (${rule}) - ${[name, ...facts].join(', ')}`]];
}

/** Every piece of evidence and why it counted or not. */
export function findingLines({ findings, attestations }: Decision): readonly Line[] {
  return [
    ...findings.map(
      ({ encoding, index, code, message }): Line => [
        dim(`  ${encoding} ${index + 1}: `),
        `${message} (${code})`,
      ],
    ),
    ...attestations.map(
      ({ index, code, message }): Line => [dim(`  attestation ${index + 1}: `), `${message} (${code})`],
    ),
  ];
}

/** A decision as JSON: everything that was looked at, in plain values. */
export function decisionDocument(decision: Decision, reference: string, digest: string) {
  const { trusted, rule, message, findings, attestations, signers } = decision;
  return {
    reference,
    digest,
    trusted,
    message,
    ...(trusted
      ? { sequence: decision.sequence ?? null, expires: timeOrNull(decision.expires) }
      : { code: decision.code, hint: decision.hint }),
    rule: rule ?? null,
    signers: signers.map(({ identity, key }) => ({ id: identity.id, name: identity.name, key })),
    findings: findings.map(({ encoding, code, message: reason, identity, key, statement }) => ({
      encoding,
      code,
      message: reason,
      identity: identity?.id ?? null,
      key: key ?? null,
      tag: statement?.tag ?? null,
      sequence: statement?.sequence ?? null,
      expires: timeOrNull(statement?.expires),
    })),
    attestations: attestations.map(({ code, message: reason, predicateType, identity, key }) => ({
      code,
      message: reason,
      predicateType: predicateType ?? null,
      identity: identity?.id ?? null,
      key: key ?? null,
    })),
  };
}

function timeOrNull(time: Parameters<typeof formatUnixTime>[0] | undefined): string | null {
  return time === undefined ? null : formatUnixTime(time);
}
