import type { RepositoryName } from '@img/spec/repository-name';
import { type AttestationFinding, attestersIn } from './check-attestations.ts';
import { type PredicateType, provenanceType } from './predicate-type.ts';
import { findRule, type TrustPolicy } from './trust-policy.ts';
import type { TrustRule } from './trust-rule.ts';

/** Something that must be attested, in one of several formats. */
export type RequiredAttestation = {
  /** How people call it, for example `sbom`. */
  readonly name: string;
  readonly types: readonly PredicateType[];
};

const provenance: RequiredAttestation = { name: 'provenance', types: [provenanceType] };

/** Which attestations have to be looked at to decide about a name. */
export function wantedPredicateTypes(
  policy: TrustPolicy,
  repository: RepositoryName,
  required: readonly RequiredAttestation[] = [],
): readonly PredicateType[] {
  return [...new Set(requiredBy(findRule(policy, repository), required).flatMap(({ types }) => types))];
}

/** What is not attested by anybody who may, as a clause for people; undefined if nothing is missing. */
export function missingAttestation(
  rule: TrustRule,
  required: readonly RequiredAttestation[],
  findings: readonly AttestationFinding[],
): string | undefined {
  const missing = requiredBy(rule, required).find(({ types }) => {
    return !findings.some(({ code, predicateType }) => {
      return code === 'COUNTED' && types.some((type) => type === predicateType);
    });
  });
  if (missing === undefined) return undefined;
  const who = [...new Set(missing.types.flatMap((type) => attestersIn(rule, type)))].join(', ');
  const tried = findings.filter(({ code }) => code !== 'COUNTED').map(({ message }) => `; ${message}`);
  return `nobody of ${who} has attested its ${missing.name}${[...new Set(tried)].join('')}`;
}

function requiredBy(
  rule: TrustRule | undefined,
  required: readonly RequiredAttestation[],
): readonly RequiredAttestation[] {
  return rule?.builders === undefined || rule.builders.length === 0 ? required : [provenance, ...required];
}
