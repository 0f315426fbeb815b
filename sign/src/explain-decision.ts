import { coversName } from '@img/spec/name-prefix';
import type { Decision, Finding, FindingCode } from './decision.ts';
import { imageName } from './refusal.ts';
import { findBan, findRule } from './trust-policy.ts';
import { describeRule, displayPrefix } from './trust-rule.ts';
import { formatUnixTime } from './unix-time.ts';
import type { VerifyRequest } from './verify-image.ts';

/** One question on the way to a decision, and its answer. */
export type DecisionStep = {
  readonly question: string;
  /** Whether the image could still be trusted after it. */
  readonly isPassed: boolean;
  /** What was looked at, one sentence each. */
  readonly answers: readonly string[];
};

/**
 * The way from a request to its decision, step by step, for people. Says nothing that is not in the two: it decides
 * nothing by itself.
 */
export function explainDecision(request: VerifyRequest, decision: Decision): readonly DecisionStep[] {
  return [
    deniedStep(request),
    ruleStep(request),
    ...(decision.rule === undefined ? [] : [endStep(request), evidenceStep(decision), countStep(decision)]),
    ...(decision.rule?.builders === undefined && (request.required ?? []).length === 0
      ? []
      : [attestationStep(decision)]),
    ...(decision.rule === undefined || request.tag === undefined ? [] : [memoryStep(request, decision)]),
    { question: 'Is it trusted?', isPassed: decision.trusted, answers: [decision.message] },
  ];
}

function deniedStep({ policy, digest, repository }: VerifyRequest): DecisionStep {
  const ban = findBan(policy.denied.get(digest), repository);
  const answers = [ban === undefined ? `nobody denies ${digest}` : `${ban.source} denies ${digest}`];
  return { question: 'Is the image denied?', isPassed: ban === undefined, answers };
}

function ruleStep({ policy, repository }: VerifyRequest): DecisionStep {
  const chosen = findRule(policy, repository);
  const covering = [...policy.rules.values()].filter(({ prefix }) => coversName(prefix, repository));
  const answers = covering.map((rule) => {
    const source = policy.sources.get(rule.prefix);
    const isChosen = rule === chosen ? 'decides' : 'is less specific and does not count';
    return `the rule for ${displayPrefix(rule.prefix)} in ${source} ${isChosen}`;
  });
  const others = policy.rules.size - covering.length;
  const left =
    others === 0
      ? []
      : [others === 1 ? 'another rule is for other names' : `${others} rules are for other names`];
  return {
    question: `Which rule decides about ${repository}?`,
    isPassed: chosen !== undefined,
    answers:
      covering.length === 0 ? ['none; without a rule nothing is trusted', ...left] : [...answers, ...left],
  };
}

function endStep({ policy, now, repository }: VerifyRequest): DecisionStep {
  const rule = findRule(policy, repository);
  const end = rule === undefined ? undefined : policy.ends.get(rule.prefix);
  const question = 'Does the rule still hold?';
  if (end === undefined) return { question, isPassed: true, answers: ['it has no end'] };
  const isPassed = now < end.expires;
  const verb = isPassed ? 'holds until' : 'expired at';
  return { question, isPassed, answers: [`${end.source} ${verb} ${formatUnixTime(end.expires)}`] };
}

function evidenceStep({ findings }: Decision): DecisionStep {
  return {
    question: 'What is signed?',
    isPassed: findings.length > 0,
    answers: findings.length === 0 ? ['there is no signature'] : findings.map(findingSentence),
  };
}

const verdicts: ReadonlyMap<FindingCode, string> = new Map([
  ['COUNTED', 'counts'],
  ['MOVES_TAG', 'counts for the tag'],
  ['REFRESHES', 'counts for how long it holds'],
]);

function findingSentence({ encoding, index, code, message }: Finding): string {
  const verdict = verdicts.get(code) ?? `does not count (${code})`;
  return `${encoding} ${index + 1} ${verdict}: ${message}`;
}

function countStep({ rule, signers }: Decision): DecisionStep {
  const names = signers.map(({ identity }) => identity.name).join(', ');
  const count = names === '' ? 'nobody counts' : `${signers.length} count: ${names}`;
  return {
    question: 'Have enough people signed?',
    isPassed: rule !== undefined && signers.length >= rule.require,
    answers: [count, ...(rule === undefined ? [] : [`required: ${describeRule(rule)}`])],
  };
}

function attestationStep(decision: Decision): DecisionStep {
  const answers = decision.attestations.map(({ index, code, message }) => {
    return `attestation ${index + 1} ${code === 'COUNTED' ? 'counts' : `does not count (${code})`}: ${message}`;
  });
  return {
    question: 'Is attested what has to be?',
    isPassed: decision.trusted || decision.code !== 'ATTESTATION_MISSING',
    answers: answers.length === 0 ? ['there is no attestation'] : answers,
  };
}

function memoryStep(request: VerifyRequest, decision: Decision): DecisionStep {
  const { remembered } = request;
  const isStale = !decision.trusted && ['ROLLBACK', 'SEQUENCE_REUSED'].includes(decision.code);
  const answers =
    remembered === undefined
      ? [`this host has not accepted ${imageName(request)} before`]
      : [`this host has accepted number ${remembered.sequence} before, ${remembered.digest}`];
  return { question: 'Is it at least as new as before?', isPassed: !isStale, answers };
}
